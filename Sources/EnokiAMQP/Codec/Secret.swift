/// What a client logs in with: octets that no text shows.
struct Secret: Hashable {
    /// The octets themselves.
    let octets: [UInt8]

    /// A secret of `octets`.
    init(_ octets: [UInt8]) { self.octets = octets }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Not the secret.
    var description: String { "<secret>" }
    /// Not the secret.
    var debugDescription: String { self.description }
    /// Not the secret.
    var customMirror: Mirror { Mirror(self, children: []) }
}
