/// A connection as the virtual host keeps it.
final class ConnectionRecord {
    let id: ConnectionID
    /// Who logged in: messages may name no other user.
    let user: String
    var channels: [ChannelID: ChannelRecord] = [:]
    var exclusiveQueues: [QueueID: QueueRecord] = [:]

    init(id: ConnectionID, user: String) {
        self.id = id
        self.user = user
    }
}
