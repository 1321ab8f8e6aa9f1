/// A text that never shows itself: neither printed, nor interpolated, nor in a mirror.
public struct Secret: Sendable, Hashable {
    private let value: String

    /// Keeps `value`.
    public init(_ value: String) { self.value = value }

    /// The text itself, for the one place that must know it.
    public func reveal() -> String { self.value }
}

extension Secret: ExpressibleByStringLiteral {
    /// Keeps a literal, for tests and samples.
    public init(stringLiteral value: String) { self.init(value) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private static let mask = "********"

    /// Eight asterisks, whatever the text.
    public var description: String { Self.mask }
    /// Eight asterisks, whatever the text.
    public var debugDescription: String { Self.mask }
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
