/// A wish to hear of what happens to a broker as a whole, for as long as it is kept.
package final class BrokerWatch: Sendable {
    private let server: BrokerServer
    private let id: BrokerServer.ClientID

    /// - Parameters:
    ///   - onClose: Called once, when the broker is closed; at once where it is.
    ///   - onBlock: Called when the broker takes no messages, or takes them again; at once where it takes none.
    init(
        _ server: BrokerServer,
        onClose: @escaping @Sendable () -> Void,
        onBlock: @escaping @Sendable () -> Void
    ) {
        self.server = server
        self.id = server.makeClientID()
        server.register(self.id, onClose: onClose, onBlock: onBlock)
    }

    deinit { self.server.unregister(self.id) }
}
