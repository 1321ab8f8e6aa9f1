import Enoki
import EnokiBroker

/// A body that is text.
struct BodyText {
    private let text: String
    /// Whether the body goes on.
    let isCut: Bool

    /// The beginning of `body`; `nil` where that is no UTF-8.
    init?(_ body: [UInt8], maximumSize: Int) {
        var beginning = body.prefix(maximumSize)
        self.isCut = beginning.count < body.count
        // A character may be cut: at most three of its bytes are here.
        var text = String(validating: beginning, as: UTF8.self)
        for _ in 0..<3 where text == nil && self.isCut {
            beginning = beginning.dropLast()
            text = String(validating: beginning, as: UTF8.self)
        }
        guard let text else { return nil }
        self.text = text
    }

    /// The text with its lines, but without what else steers a terminal, and without the credentials of addresses.
    var redacted: String {
        self.text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { Redaction.redacted(String($0), maximumSize: .max) }
            .joined(separator: "\n")
    }
}
