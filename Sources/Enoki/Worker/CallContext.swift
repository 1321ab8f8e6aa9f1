/// The part of a context that travels in message headers: the call id stack and the context data.
///
/// The wire form is nameko's (`nameko.messaging`): each key of the context becomes a header `nameko.<key>`.
package struct CallContext: Sendable {
    var callIDStack: [String]
    var data: Headers
    /// How many of the calls that led here wait for this one. An event or a timer begins at none, and of a long chain not all are in
    /// the stack.
    var depth: Int

    static let prefix = "nameko."
    static let callIDStackHeader = "nameko.call_id_stack"
    /// The caller's remaining time in milliseconds. It must not be handed on: every hop writes its own.
    package static let timeoutHeader = "enoki.timeout"
    /// How many calls wait, where that is not the number of ids in the stack.
    package static let depthHeader = "enoki.call_depth"
    /// What says which calls led here. nameko hands on all headers that it does not know, with its prefix.
    package static let chainHeaders = [Self.callIDStackHeader, Self.depthHeader, Self.prefix + Self.depthHeader]

    /// What a peer may make us carry along, in bytes: a bound on the size of all that we publish.
    private static let maximumSize = 8 * 1024
    private static let maximumStackSize = Self.maximumSize / 2
    private static let maximumDataCount = 64
    private static let maximumStackDepth = 32
    private static let maximumCallIDSize = 255
    /// What a peer may say that the depth is: beyond all limits.
    private static let greatestDepth: Int64 = 1_000_000

    package init(callIDStack: [String] = [], data: Headers = [:], depth: Int? = nil) {
        self.callIDStack = callIDStack
        self.data = data
        self.depth = depth ?? callIDStack.count
    }

    /// Reads which calls led to a message, and no more.
    init(chainIn headers: Headers) {
        self.init()
        if let stack = headers[Self.callIDStackHeader] { self.callIDStack = Self.callIDStack(stack) }
        let depths = [Self.depthHeader, Self.prefix + Self.depthHeader].compactMap { headers[$0]?.integerValue }
        self.depth = depths.max().map { Int(clamping: min(max($0, 0), Self.greatestDepth)) } ?? self.callIDStack.count
    }

    /// Reads what a peer sent; nothing in `headers` can make it fail. Headers without the prefix become context data under
    /// their own name, as with nameko; those that belong to brokers do not.
    ///
    /// - Parameter names: The context data to take over; `nil` is all.
    init(headers: Headers, keeping names: [String]? = nil) {
        self.init(chainIn: headers)
        var size = self.callIDStack.reduce(0) { $0 + FieldValue.string($1).estimatedSize }
        for header in headers where !header.name.hasSameBytes(as: Self.callIDStackHeader) {
            let key = Self.key(of: header.name)
            if let names, !names.contains(where: key.hasSameBytes) { continue }
            // nameko takes every header for context data, and hands on our own with its prefix.
            guard !Self.belongsToTransport(header.name), !Self.isOurs(key), header.value != .void else { continue }
            guard Self.canBeSent(key, header.value) else { continue }
            let added = key.utf8.count + header.value.estimatedSize
            guard size + added <= Self.maximumSize, self.data.count < Self.maximumDataCount else { continue }
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
        if self.depth != self.callIDStack.count { headers[Self.depthHeader] = .int64(Int64(self.depth)) }
        return headers
    }

    /// The ids in `value`, as far as they are ids: of too many the newest, which are the last.
    private static func callIDStack(_ value: FieldValue) -> [String] {
        var ids: [String] = []
        var size = 0
        for case .string(let id) in (value.arrayValue ?? [value]).suffix(Self.maximumStackDepth).reversed() {
            guard id.utf8.count <= Self.maximumCallIDSize, !id.hasControlCharacters else { continue }
            size += FieldValue.string(id).estimatedSize
            guard size <= Self.maximumStackSize else { break }
            ids.append(id)
        }
        return ids.reversed()
    }

    private static func key(of header: String) -> String {
        guard header.utf8.starts(with: Self.prefix.utf8) else { return header }
        // By bytes: a combining character behind the prefix is part of the prefix's last character.
        return String(decoding: header.utf8.dropFirst(Self.prefix.utf8.count), as: UTF8.self)
    }

    /// Whether a message can carry it: what cannot be sent would fail every publish of the call.
    private static func canBeSent(_ key: String, _ value: FieldValue) -> Bool {
        !key.hasControlCharacters && (try? WireLimits.check([Self.prefix + key: value], as: "context data")) != nil
    }

    private static func isOurs(_ key: String) -> Bool { key.utf8.starts(with: "enoki.".utf8) }

    private static func belongsToTransport(_ header: String) -> Bool {
        header.isEmpty || header.utf8.starts(with: "x-".utf8)
            || header.hasSameBytes(as: "CC") || header.hasSameBytes(as: "BCC")
            || header.hasSameBytes(as: "compression")
    }
}

extension String {
    /// Whether it holds NUL, a line break or another control character of ASCII: by bytes, since to Swift `\r\n` is one
    /// character that is neither of its halves.
    var hasControlCharacters: Bool { self.utf8.contains { $0 < 0x20 || $0 == 0x7F } }
}
