import EnokiTestSupport

extension Verdict {
    /// Judges queues after instances of a service came and went: whatever is not shared by all must end by itself.
    mutating func judgeQueues(_ queues: [ObservedQueue], shared: [String]) {
        let missing = shared.filter { name in !queues.contains { $0.name == name } }
        self.expectNone("shared queues that are missing", missing)
        let endless = queues.filter { queue in
            !shared.contains(queue.name) && !queue.autoDelete && !queue.exclusive && queue.arguments["x-expires"] == nil
        }
        self.expectNone("queues of one instance that never end", endless.map(\.name).sorted())
    }
}
