/// A message that no client library would write, as it is published octet by octet.
public struct HostileHeader: CustomStringConvertible, Sendable {
    /// What is wrong with it.
    public let description: String
    /// The word for it in a dead letter of who reads JSON, when its body is none.
    public let reason: String
    /// Whether the transport takes all of it.
    public let isTaken: Bool
    /// Whether its dead letter has its message id: nothing of what cannot be published again is in one.
    public let keepsItsID: Bool
    private let flags: UInt16
    private let properties: [RawArgument]

    private init(
        _ description: String,
        flags: UInt16 = 1 << 13,
        isTaken: Bool = true,
        reason: String = "malformed",
        keepsItsID: Bool = true,
        _ properties: RawArgument...
    ) {
        self.description = description
        self.reason = reason
        self.isTaken = isTaken
        self.keepsItsID = keepsItsID
        self.flags = flags
        self.properties = properties
    }

    /// The frames that publish it.
    ///
    /// - Parameter messageID: Its message id; none by default.
    public func message(
        _ text: String,
        to exchange: String = "",
        key: String = "q",
        messageID: String? = nil,
        on channel: UInt16 = 1
    ) -> [RawFrame] {
        var (flags, properties) = (self.flags, self.properties)
        if let messageID {
            // Properties come in the order of their flags, from the highest.
            properties.insert(.shortString(messageID), at: self.flags > Self.messageIDFlag ? properties.count : 0)
            flags |= Self.messageIDFlag
        }
        var header = RawFrame.header(size: UInt64(text.utf8.count), flags: flags, on: channel)
        header.payload += RawArgument.octets(of: properties)
        return [.publish(to: exchange, key: key, on: channel), header, .body(text, on: channel)]
    }

    private static let messageIDFlag: UInt16 = 1 << 7

    /// All of them.
    public static let all = [
        HostileHeader("a header without a name", .longBytes(header([], "t", [1]))),
        HostileHeader("a name that is not UTF-8", .longBytes(header([0xFF, 0xFE], "t", [1]))),
        HostileHeader("a name with a NUL and line breaks", .longBytes(header([0, 13, 10], "t", [1]))),
        HostileHeader("a text that is not UTF-8", .longBytes(header([110], "S", [0, 0, 0, 2, 0xC3, 0x28]))),
        HostileHeader("a boolean that is neither", .longBytes(header([110], "t", [7]))),
        HostileHeader("a decimal of 255 places", .longBytes(header([110], "D", [255, 255, 255, 255, 255]))),
        HostileHeader(
            "a name a thousand times",
            reason: "too-large",
            .longBytes((0..<1000).flatMap { _ in header([110], "t", [1]) })
        ),
        HostileHeader(
            "100 kB in one header",
            reason: "too-large",
            .longBytes(header([110], "S", long(100_000)))
        ),
        HostileHeader(
            "all that fits into a frame",
            reason: "too-large",
            .longBytes(header([110], "x", long(130_900)))
        ),
        HostileHeader(
            "a header of ours twice, once longer than what can be sent",
            .longBytes(
                header(Array("x-enoki-host".utf8), "S", long(1))
                    + header(Array("x-enoki-host".utf8), "S", long(128_500))
            )
        ),
        HostileHeader(
            "a count of ours that is longer than what can be sent",
            .longBytes(header(Array("x-enoki-redeliveries".utf8), "S", long(128_500)))
        ),
        HostileHeader("tables 5,000 deep", isTaken: false, .longBytes(tables(5000))),
        HostileHeader("tables as deep as a frame allows", isTaken: false, .longBytes(tables(18_000))),
        HostileHeader("arrays 5,000 deep", isTaken: false, .longBytes(arrays(5000))),
        HostileHeader("arrays as deep as a frame allows", isTaken: false, .longBytes(arrays(26_000))),
        HostileHeader("a correlation id that is not UTF-8", flags: 1 << 10, .shortBytes([0xFF, 0xC0, 0x80])),
        HostileHeader(
            "a reply-to of 255 NULs",
            flags: 1 << 9,
            keepsItsID: false,
            .shortBytes([UInt8](repeating: 0, count: 255))
        ),
        HostileHeader(
            "a content type of line breaks",
            flags: 1 << 15,
            reason: "unsupported-content",
            .shortBytes([13, 10, 13, 10])
        ),
        HostileHeader("a time beyond all times", flags: 1 << 6, .longlong(.max)),
        HostileHeader("a priority of 255", flags: 1 << 11, .octet(255)),
    ]

    // MARK: - Octets

    private static func header(_ name: [UInt8], _ kind: Character, _ value: [UInt8]) -> [UInt8] {
        var octets: [UInt8] = [UInt8(name.count)]
        octets += name
        octets.append(kind.asciiValue ?? 0)
        octets += value
        return octets
    }

    private static func length(_ count: Int) -> [UInt8] {
        let bigEndian = UInt32(count).bigEndian
        return withUnsafeBytes(of: bigEndian) { Array($0) }
    }

    /// A table in a table in a table: each takes seven octets of the one around it.
    private static func tables(_ depth: Int) -> [UInt8] {
        var octets: [UInt8] = []
        for level in 0..<depth { octets += self.header([110], "F", self.length(7 * (depth - 1 - level))) }
        return octets
    }

    /// An array in an array in an array.
    private static func arrays(_ depth: Int) -> [UInt8] {
        var octets: [UInt8] = [1, 110]
        for level in 0..<depth {
            octets.append(UInt8(ascii: "A"))
            octets += self.length(5 * (depth - 1 - level))
        }
        return octets
    }

    /// A long string of so many octets.
    private static func long(_ count: Int) -> [UInt8] { self.length(count) + [UInt8](repeating: 120, count: count) }
}
