import EnokiBroker

extension Message {
    /// About how many bytes of memory it takes. Headers take far more than they did on a wire: a thousand messages of which
    /// only the bodies are counted may be gigabytes.
    var weight: Int { self.body.count + self.properties.headers.weight }
}

extension Headers {
    /// About how many bytes of memory they take.
    var weight: Int { self.reduce(0) { $0 + $1.name.utf8.count + $1.value.weight + MemoryLayout<Element>.stride } }
}

extension FieldValue {
    /// What it takes besides its own few bytes.
    fileprivate var weight: Int {
        switch self {
        case .string(let value): value.utf8.count
        case .bytes(let value): value.count
        case .table(let value): value.weight
        case .array(let values): values.reduce(0) { $0 + $1.weight + MemoryLayout<FieldValue>.stride }
        default: 0
        }
    }
}
