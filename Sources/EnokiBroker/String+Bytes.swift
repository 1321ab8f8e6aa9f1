extension String {
    /// Whether both strings are the same bytes of UTF-8, which is how a broker compares names.
    package func hasSameBytes(as other: String) -> Bool {
        self.utf8.count == other.utf8.count && self.utf8.elementsEqual(other.utf8)
    }
}

/// A name that is compared and hashed by its UTF-8 bytes, for use as a dictionary key.
package struct ByteName: Hashable, Sendable, CustomStringConvertible {
    package let string: String

    package init(_ string: String) { self.string = string }

    package static func == (left: Self, right: Self) -> Bool { left.string.hasSameBytes(as: right.string) }

    package func hash(into hasher: inout Hasher) {
        var string = self.string
        string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    package var description: String { self.string }
}
