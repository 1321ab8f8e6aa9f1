public import EnokiBroker

extension RabbitMQConfiguration {
    /// Reads a broker's address.
    ///
    ///     amqp://user:password@host:5672/vhost?heartbeat=10&connection_timeout=5000
    ///     amqps://user:password@a.example:5671,b.example:5671/vhost?cacertfile=/etc/ca.pem
    ///
    /// - Schemes: `amqp` and nameko's `pyamqp` (port 5672), `amqps` (TLS, port 5671).
    /// - User, password and virtual host may hold percent-escapes. The virtual host is the path without its first `/`;
    ///   an empty one is `/`, as with nameko (other AMQP clients read `amqp://host/` as the virtual host with no name).
    /// - Several hosts are separated by `,` or `;`. Whole URIs may be separated by `;` as well, as kombu allows; they
    ///   must agree in all but the host.
    /// - Parameters, named after RabbitMQ's URI query parameters
    ///   (<https://www.rabbitmq.com/docs/uri-query-parameters>): `heartbeat` in seconds, `connection_timeout` in
    ///   milliseconds, `cacertfile`, `certfile`, `keyfile`, and `verify` (`verify_peer`, `verify_none`).
    ///
    /// - Throws: `BrokerError` with code `BrokerError.Code.invalidAddress`; its message never holds the password.
    public init(uri: String) throws(BrokerError) {
        self = try URIParser.parse(uri)
    }
}

/// Reads the addresses of brokers. Errors quote only parts that cannot hold a password.
private enum URIParser {
    static func parse(_ uri: String) throws(BrokerError) -> RabbitMQConfiguration {
        let alternatives = Self.splitAlternatives(uri)
        var configuration = try Self.parseOne(alternatives[0])
        for alternative in alternatives.dropFirst() {
            let other = try Self.parseOne(alternative)
            var same = other
            same.endpoints = configuration.endpoints
            guard same == configuration else {
                throw Self.invalid("its URIs differ in more than the host; the nodes of a cluster share the rest")
            }
            configuration.endpoints += other.endpoints
        }
        return configuration
    }

    /// Cuts at each `;` that begins another URI; a `;` between hosts is left.
    private static func splitAlternatives(_ uri: String) -> [Substring] {
        var alternatives: [Substring] = []
        for part in uri.split(separator: ";", omittingEmptySubsequences: false) {
            if part.utf8.firstRange(of: "://".utf8) != nil || alternatives.isEmpty {
                alternatives.append(part)
            } else {
                let last = alternatives.removeLast()
                alternatives.append(uri[last.startIndex..<part.endIndex])
            }
        }
        return alternatives
    }

    private static func parseOne(_ uri: Substring) throws(BrokerError) -> RabbitMQConfiguration {
        guard !uri.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw Self.invalid("it contains a space or a control character; escape it, such as %20")
        }
        guard let separator = uri.firstRange(of: "://") else {
            throw Self.invalid(
                "it has no scheme; write amqp://host:5672/vhost, with user:password and an @ before the host"
            )
        }
        var configuration = RabbitMQConfiguration()
        switch uri[..<separator.lowerBound].lowercased() {
        case "amqp", "pyamqp": break
        case "amqps": configuration.tls = TLSOptions()
        default: throw Self.invalid("its scheme is not one of amqp, amqps and pyamqp")
        }
        var rest = uri[separator.upperBound...]
        if rest.utf8.contains(UInt8(ascii: "#")) {
            throw Self.invalid("it contains '#'; escape it as %23")
        }
        // The query first: neither a path nor a password may hold a bare question mark.
        var query: Substring?
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/")
        let authority = rest[..<(slash ?? rest.endIndex)]
        if let slash {
            guard !rest[slash...].utf8.contains(UInt8(ascii: "@")) else {
                // Else the end of the password would be taken for a host and a virtual host, which logs show.
                throw Self.invalid("an '@' comes after a '/'; in a password '/' is %2F, in a virtual host '@' is %40")
            }
            let path = try Self.unescape(rest[rest.index(after: slash)...], "virtual host")
            configuration.vhost = path.isEmpty ? "/" : path
        }
        try Self.parse(authority: authority, into: &configuration)
        if let query { try Self.parse(query: query, into: &configuration) }
        return configuration
    }

    private static func parse(
        authority: Substring,
        into configuration: inout RabbitMQConfiguration
    ) throws(BrokerError) {
        var hosts = authority
        if let at = authority.lastIndex(of: "@") {
            let userInfo = authority[..<at]
            hosts = authority[authority.index(after: at)...]
            guard !userInfo.contains("@") else {
                throw Self.invalid("it contains more than one '@'; escape those in user and password as %40")
            }
            let parts = userInfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            configuration.user = try Self.unescape(parts[0], "user")
            if parts.count > 1 { configuration.password = Secret(try Self.unescape(parts[1], "password")) }
        }
        let defaultPort = configuration.tls == nil ? 5672 : 5671
        configuration.endpoints = []
        for host in hosts.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "," || $0 == ";" }) {
            configuration.endpoints.append(try Self.endpoint(host, defaultPort: defaultPort))
        }
    }

    private static func endpoint(
        _ text: Substring,
        defaultPort: Int
    ) throws(BrokerError) -> RabbitMQConfiguration.Endpoint {
        let host: Substring
        var port: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { throw Self.invalid("an IPv6 address lacks its ']'") }
            host = text[text.index(after: text.startIndex)..<bracket]
            let after = text[text.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else {
                throw Self.invalid("after the ']' of an IPv6 address comes ':' and a port, or nothing")
            }
            if !after.isEmpty { port = after.dropFirst() }
            guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }), host.contains(":") else {
                throw Self.invalid("the text in brackets is not an IPv6 address")
            }
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else {
                throw Self.invalid("a host contains more than one ':'; write an IPv6 address in brackets")
            }
            host = parts[0]
            if parts.count == 2 { port = parts[1] }
        }
        let name = try Self.unescape(host, "host")
        guard !name.isEmpty else { throw Self.invalid("a host is missing") }
        guard let port else { return .init(host: name, port: defaultPort) }
        guard let number = UInt16(port), number > 0, !port.hasPrefix("+") else {
            // What stands here may be a password whose '@' or '/' was not escaped.
            throw Self.invalid("a port is not a number from 1 to 65535 (is a '/' in the password not escaped as %2F?)")
        }
        return .init(host: name, port: Int(number))
    }

    private static func parse(query: Substring, into configuration: inout RabbitMQConfiguration) throws(BrokerError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            let value = parts.count > 1 ? try Self.unescape(parts[1], "parameter") : ""
            switch name {
            case "heartbeat":
                guard let seconds = UInt16(value), seconds > 0 else {
                    throw Self.invalid(
                        "heartbeat must be from 1 to 65535 seconds; without heartbeats a dead connection looks alive"
                    )
                }
                configuration.heartbeat = .seconds(Int(seconds))
            case "connection_timeout":
                guard let milliseconds = UInt32(value), milliseconds > 0 else {
                    throw Self.invalid("connection_timeout must be a number of milliseconds, at least 1")
                }
                configuration.connectionTimeout = .milliseconds(Int(milliseconds))
            case "cacertfile", "certfile", "keyfile", "verify":
                guard configuration.tls != nil else {
                    throw Self.invalid("the parameter \(name) needs TLS: write amqps:// instead of amqp://")
                }
                switch (name, value) {
                case ("verify", "verify_peer"): configuration.tls?.verification = .full
                case ("verify", "verify_none"): configuration.tls?.verification = .insecureNone
                case ("verify", _): throw Self.invalid("verify must be verify_peer or verify_none")
                case ("cacertfile", let path): configuration.tls?.authorities = path
                case ("certfile", let path): configuration.tls?.certificate = path
                case (_, let path): configuration.tls?.key = path
                }
            default:
                // The name is not quoted: with an unescaped '?' in the password it would be a part of it.
                throw Self.invalid(
                    "a parameter is not one of heartbeat, connection_timeout, cacertfile, certfile, keyfile, verify"
                        + " (is a '?' in the password not escaped as %3F?)"
                )
            }
        }
        if let tls = configuration.tls, (tls.certificate == nil) != (tls.key == nil) {
            throw Self.invalid("certfile and keyfile go together, one of them is missing")
        }
    }

    private static func unescape(_ text: Substring, _ part: StaticString) throws(BrokerError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.hexValue), let low = rest.popFirst().flatMap(Self.hexValue)
            else {
                throw Self.invalid("in the \(part) a '%' is not followed by two hexadecimal digits; '%' itself is %25")
            }
            bytes.append(high << 4 | low)
        }
        guard let result = String(validating: bytes, as: UTF8.self) else {
            throw Self.invalid("the percent-escapes of the \(part) are not UTF-8")
        }
        guard !bytes.contains(0) else { throw Self.invalid("the \(part) contains a NUL byte") }
        return result
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func invalid(_ problem: String) -> BrokerError {
        BrokerError(.invalidAddress, "the broker's address cannot be understood: \(problem)")
    }
}
