/// How much of a message is read. What is beyond is refused before anything looks into it.
public struct MessageLimits: Sendable, Hashable {
    /// The longest body, in bytes. Default 16 MiB.
    public var bodySize = WireLimits.bodySize
    /// The deepest nesting of arrays and objects in a body, 1 to 128. Default 64.
    public var bodyDepth = 64
    /// The most headers. Default 64; what brokers and retries add (`x-…`) is counted apart.
    public var headerCount = 64
    /// The most bytes of all headers together, names included. Default 8 KiB; what brokers and retries add is counted apart.
    public var headersSize = 8 * 1024

    /// The defaults.
    public init() {}

    /// Throws when `message` is beyond a limit that can be checked without reading its body.
    func check(_ message: Message) throws(UnreadableMessage) {
        if let defect = message.defect { throw UnreadableMessage(defect) }
        guard message.body.count <= self.bodySize else {
            throw UnreadableMessage(
                .tooLarge,
                "the body is \(message.body.count) bytes long, at most \(self.bodySize) are read"
            )
        }
        // What was within the limits must still be when it comes back from a retry.
        var own = Total()
        var others = Total()
        for header in message.properties.headers {
            if header.name.utf8.starts(with: "x-".utf8) { others.add(header) } else { own.add(header) }
        }
        for total in [own, others] {
            guard total.count <= self.headerCount else {
                throw UnreadableMessage(
                    .tooLarge,
                    "there are \(total.count) headers, at most \(self.headerCount) are read"
                )
            }
            guard total.size <= self.headersSize else {
                throw UnreadableMessage(
                    .tooLarge,
                    "the headers take \(total.size) bytes, at most \(self.headersSize) are read"
                )
            }
        }
    }

    private struct Total {
        var count = 0
        var size = 0

        mutating func add(_ header: Headers.Element) {
            self.count += 1
            self.size += header.estimatedSize
        }
    }

    /// Checks what no type can.
    func validate() throws(ConfigurationError) {
        guard (1...WireLimits.largestBodySize).contains(self.bodySize) else {
            throw ConfigurationError(
                "max_body_size is \(self.bodySize): give 1 to \(WireLimits.largestBodySize) bytes"
            )
        }
        guard (1...128).contains(self.bodyDepth) else {
            throw ConfigurationError("max_body_depth is \(self.bodyDepth): give a number from 1 to 128")
        }
        guard (1...10_000).contains(self.headerCount) else {
            throw ConfigurationError("max_headers is \(self.headerCount): give a number from 1 to 10000")
        }
        guard (1...WireLimits.frameMax).contains(self.headersSize) else {
            throw ConfigurationError("max_headers_size is \(self.headersSize): give 1 to \(WireLimits.frameMax) bytes")
        }
    }
}

extension UnreadableMessage {
    /// What a transport did not take of a message.
    init(_ defect: MessageDefect) {
        switch defect {
        case .bodyTooLarge(let size, let limit):
            self.init(.tooLarge, "the body was \(size) bytes long, at most \(limit) are read; it is not kept")
        case .unreadableHeaders(let reason):
            self.init(.malformed, "the headers cannot be read: \(reason); body and headers are not kept")
        }
    }
}

extension Headers {
    /// About how many bytes the table takes on the wire.
    var estimatedSize: Int { self.reduce(0) { $0 + $1.estimatedSize } }
}

extension Headers.Element {
    /// About how many bytes it takes on the wire.
    fileprivate var estimatedSize: Int { self.name.utf8.count + 1 + self.value.estimatedSize }
}

extension FieldValue {
    /// About how many bytes the value takes on the wire. A transport bounds how deep it nests.
    var estimatedSize: Int {
        switch self {
        case .string(let value): value.utf8.count + 5
        case .bytes(let value): value.count + 5
        case .array(let values): values.reduce(5) { $0 + $1.estimatedSize }
        case .table(let table): table.estimatedSize + 5
        default: 9
        }
    }
}
