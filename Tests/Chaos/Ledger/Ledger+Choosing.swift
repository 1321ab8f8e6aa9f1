extension [Ledger] {
    /// Those of these names.
    package func named(_ names: String...) -> [Ledger] { self.filter { names.contains($0.name) } }

    /// All, without what handlers of other details have done: a service may have several for one event.
    package func done(as detail: String) -> [Ledger] {
        self.map { ledger in
            let entries = ledger.entries.filter { $0.act != .done || $0.detail == detail }
            return Ledger(name: ledger.name, process: ledger.process, entries: entries)
        }
    }
}
