import Synchronization

/// Gives messages an identity (`message_id`) that no other message has.
///
/// A transport sends an unconfirmed message again when its connection was lost, and the broker may have taken it the first
/// time: by its identity a consumer can tell that it has seen it.
package final class MessageIDs: Sendable {
    private let prefix: String
    private let last = Atomic<UInt64>(0)

    /// Identities that begin with `prefix`, which nobody else may use; by default 128 random bits.
    package init(prefix: String = MessageIDs.randomPrefix()) { self.prefix = prefix }

    /// Gives `message` the next identity, unless it has one.
    package func assign(to message: inout Message) {
        guard message.properties.messageID == nil else { return }
        let number = self.last.wrappingAdd(1, ordering: .relaxed).newValue
        message.properties.messageID = "\(self.prefix)-\(number)"
    }

    /// 128 random bits as 32 hexadecimal digits.
    package static func randomPrefix() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}
