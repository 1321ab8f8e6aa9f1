/// Makes a text of a message, a broker or a person fit for a log: bounded, of one line, without the credentials of addresses.
package enum Redaction {
    /// The longest text, in bytes of UTF-8.
    package static let maximumSize = 1024

    /// `text` on one line, cut, and without what stands before the `@` of an address.
    package static func redacted(_ text: String, maximumSize: Int = Self.maximumSize) -> String {
        // Longer than what is left in the end, since what is removed makes it shorter.
        let beginning = Self.cut(text, to: maximumSize > .max / 4 ? .max : 4 * maximumSize)
        let isCut = beginning.utf8.count < text.utf8.count
        return Self.cut(Self.withoutCredentials(Self.onOneLine(beginning), isCut: isCut), to: maximumSize)
    }

    /// `text` without what stands before the `@` of an address.
    ///
    /// - Parameter isCut: Whether it went on, so that the `@` of its last address may be missing.
    package static func withoutCredentials(_ text: String, isCut: Bool = false) -> String {
        var rest = text[...]
        var redacted = ""
        // By scalars, here and below: an `@` with a combining mark is one too.
        let lastAt = text.unicodeScalars.lastIndex(of: "@")
        while let scheme = rest.firstRange(ofBytes: "://") {
            // Else a text of many addresses would be searched for one from each of them to its end.
            let hasAt = lastAt.map { scheme.upperBound <= $0 } == true
            guard hasAt || isCut else { break }
            redacted += rest[..<scheme.upperBound]
            rest = rest[scheme.upperBound...]
            let end = rest.firstRange(ofBytes: "://")?.lowerBound ?? rest.endIndex
            let address = rest[..<end].unicodeScalars
            if hasAt, let at = Self.endOfCredentials(in: address, of: rest.unicodeScalars) {
                redacted += "***"
                rest = rest[at...]
            } else if isCut, end == rest.endIndex, Self.mayGoOn(address) {
                // Its `@` may be what was cut off.
                rest = ""
            }
        }
        return redacted + rest
    }

    /// `text` as it is but for what stands before the `@` of an address, and cut.
    package static func withoutCredentials(_ text: String, maximumLength: Int) -> String {
        // Longer than what is left in the end, and no longer: a text of a message may be of any size.
        let beginning = Self.cut(text, to: 4 * maximumLength)
        let isCut = beginning.utf8.count < text.utf8.count
        return String(Self.withoutCredentials(beginning, isCut: isCut).prefix(maximumLength))
    }

    /// Whether there is an address in `text` with something before its `@`.
    package static func hasCredentials(_ text: String) -> Bool { Self.withoutCredentials(text) != text }

    /// The `@` behind the credentials with which `address` begins, where it does.
    ///
    /// A password may hold what ends a host's name, and what ends an address: the last `@` counts, of the word or, where that looks
    /// like a password's beginning, of what follows in `rest`. Better too much is removed than too little.
    private static func endOfCredentials(
        in address: Substring.UnicodeScalarView,
        of rest: Substring.UnicodeScalarView
    ) -> Substring.Index? {
        let word = address.prefix { !$0.properties.isWhitespace }
        if let at = word.lastIndex(of: "@"), word[..<at].contains(":") || !word[..<at].contains("/") { return at }
        guard self.beginsWithCredentials(address) else { return nil }
        return address.lastIndex(of: "@") ?? rest.firstIndex(of: "@")
    }

    /// Whether a `:` comes before anything that ends a host's name, and behind it no port.
    private static func beginsWithCredentials(_ address: Substring.UnicodeScalarView) -> Bool {
        let name = address.prefix { !Self.endsAddress($0) && !":/?#[".unicodeScalars.contains($0) }
        let rest = address[name.endIndex...]
        guard rest.first == ":" else { return false }
        guard let next = rest.dropFirst().drop(while: { ("0"..."9").contains($0) }).first else { return false }
        return !(Self.endsAddress(next) || "/?#,;.:)]}".unicodeScalars.contains(next))
    }

    /// Whether more of an address may have come behind `text`.
    private static func mayGoOn(_ text: Substring.UnicodeScalarView) -> Bool {
        !text.contains(where: Self.endsAddress) || Self.beginsWithCredentials(text)
    }

    private static func endsAddress(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "\"" || scalar == "'" || scalar == "<" || scalar == ">"
    }

    private static func onOneLine(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            // Of the format characters some turn the direction of a terminal's text.
            case .control, .format, .lineSeparator, .paragraphSeparator: line.append(" ")
            default: line.append(scalar)
            }
        }
        return String(line)
    }

    /// The beginning of `text`, in whole scalars and at most `size` bytes long.
    package static func cut(_ text: String, to size: Int) -> String {
        guard text.utf8.count > size else { return text }
        var beginning = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            guard count <= size else { break }
            beginning.append(scalar)
        }
        return String(beginning)
    }
}

extension Substring {
    /// Where `word` begins first and ends.
    fileprivate func firstRange(ofBytes word: String) -> Range<Index>? {
        let bytes = self.utf8
        for start in bytes.indices where bytes[start...].starts(with: word.utf8) {
            return start..<bytes.index(start, offsetBy: word.utf8.count)
        }
        return nil
    }
}
