/// Who is called with what the broker sends, by channel and by connection.
struct EventHandlers {
    private var handlers: [ChannelID: BrokerServer.EventHandler] = [:]
    private var channels: [ConnectionID: Set<ChannelID>] = [:]

    /// Of how many channels there are.
    var count: Int { self.handlers.count }

    /// The handler of a channel.
    subscript(channel: ChannelID) -> BrokerServer.EventHandler? { self.handlers[channel] }

    /// The channels of a connection that have one, in their order.
    func channels(of connection: ConnectionID) -> [ChannelID] { (self.channels[connection] ?? []).sorted() }

    /// Adds the handler of a channel that has none.
    mutating func add(_ handler: BrokerServer.EventHandler, of channel: ChannelID) {
        self.handlers[channel] = handler
        self.channels[handler.connection, default: []].insert(channel)
    }

    /// Takes the handler of a channel.
    mutating func remove(of channel: ChannelID) -> BrokerServer.EventHandler? {
        guard let handler = self.handlers.removeValue(forKey: channel) else { return nil }
        self.channels[handler.connection]?.remove(channel)
        if self.channels[handler.connection]?.isEmpty == true { self.channels[handler.connection] = nil }
        return handler
    }
}
