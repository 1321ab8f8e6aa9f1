import EnokiAMQP

extension AMQPAddress {
    /// Reads `[host:]port`, the form of nameko's `WEB_SERVER_ADDRESS`; without a host it is this machine alone. An IPv6
    /// address stands in brackets.
    ///
    /// - Returns: `nil` for any other text.
    init?(text: String) {
        guard let colon = text.lastIndex(of: ":") else {
            guard let port = Self.port(text[...]) else { return nil }
            self = .loopback(port: port)
            return
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(where: { "[]:".contains($0) }) {
            return nil
        }
        guard !host.isEmpty, let port = Self.port(text[text.index(after: colon)...]) else { return nil }
        self.init(host: String(host), port: port)
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt16(text).map(Int.init)
    }

    /// Whether only programs on this machine can reach the address. A name other than `localhost` is not looked up.
    var isLoopback: Bool {
        if self.host == "localhost" || self.host == "::1" { return true }
        let parts = self.host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
