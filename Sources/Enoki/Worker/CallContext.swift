/// The part of a context that travels in message headers: the call id stack and the context data.
///
/// The wire form is nameko's (`nameko.messaging`): each key of the context becomes a header `nameko.<key>`.
package struct CallContext: Sendable {
    var callIDStack: [String]
    var data: Headers

    static let prefix = "nameko."
    static let callIDStackHeader = "nameko.call_id_stack"
    /// The caller's remaining time in milliseconds. It must not be handed on: every hop writes its own.
    static let timeoutHeader = "enoki.timeout"

    /// What a peer may make us carry along: a bound on the size of all that we publish.
    private static let maximumDataSize = 8 * 1024
    private static let maximumDataCount = 64
    private static let maximumStackDepth = 32
    private static let maximumCallIDSize = 255

    package init(callIDStack: [String] = [], data: Headers = [:]) {
        self.callIDStack = callIDStack
        self.data = data
    }

    /// Reads what a peer sent; nothing in `headers` can make it fail. Headers without the prefix become context data under
    /// their own name, as with nameko; those that belong to brokers do not.
    init(headers: Headers) {
        self.init()
        var size = 0
        for header in headers {
            if header.name.hasSameBytes(as: Self.callIDStackHeader) {
                let ids = header.value.arrayValue ?? [header.value]
                self.callIDStack = ids.suffix(Self.maximumStackDepth).compactMap { id in
                    id.stringValue.flatMap { $0.utf8.count <= Self.maximumCallIDSize ? $0 : nil }
                }
                continue
            }
            let key = Self.key(of: header.name)
            // nameko takes every header for context data, and hands on our own with its prefix.
            guard !Self.belongsToTransport(header.name), !Self.isOurs(key), header.value != .void else { continue }
            guard Self.canBeSent(key, header.value) else { continue }
            let added = key.utf8.count + header.value.estimatedSize
            guard size + added <= Self.maximumDataSize, self.data.count < Self.maximumDataCount else { continue }
            size += added
            self.data[key] = header.value
        }
    }

    /// The headers of a message sent in this context.
    package var headers: Headers {
        var headers = Headers()
        for element in self.data where element.value != .void {
            headers.append(Self.prefix + element.name, element.value)
        }
        headers[Self.callIDStackHeader] = .array(self.callIDStack.map(FieldValue.string))
        return headers
    }

    private static func key(of header: String) -> String {
        guard header.utf8.starts(with: Self.prefix.utf8) else { return header }
        // By bytes: a combining character behind the prefix is part of the prefix's last character.
        return String(decoding: header.utf8.dropFirst(Self.prefix.utf8.count), as: UTF8.self)
    }

    /// Whether a message can carry it: what cannot be sent would fail every publish of the call.
    private static func canBeSent(_ key: String, _ value: FieldValue) -> Bool {
        (try? WireLimits.check([Self.prefix + key: value], as: "context data")) != nil
    }

    private static func isOurs(_ key: String) -> Bool { key.utf8.starts(with: "enoki.".utf8) }

    private static func belongsToTransport(_ header: String) -> Bool {
        header.isEmpty || header.utf8.starts(with: "x-".utf8)
            || header.hasSameBytes(as: "CC") || header.hasSameBytes(as: "BCC")
            || header.hasSameBytes(as: "compression")
    }
}

extension FieldValue {
    /// About how many bytes the value takes on the wire.
    fileprivate var estimatedSize: Int {
        switch self {
        case .string(let value): value.utf8.count + 5
        case .bytes(let value): value.count + 5
        case .array(let values): values.reduce(5) { $0 + $1.estimatedSize }
        case .table(let table): table.reduce(5) { $0 + $1.name.utf8.count + 1 + $1.value.estimatedSize }
        default: 9
        }
    }
}
