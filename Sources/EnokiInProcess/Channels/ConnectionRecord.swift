/// A connection as the virtual host keeps it.
final class ConnectionRecord {
    let id: ConnectionID
    /// The name that the client gave itself.
    let name: String
    /// Who logged in: messages may name no other user.
    let user: String
    var channels: [ChannelID: ChannelRecord] = [:]
    var exclusiveQueues: [QueueID: QueueRecord] = [:]

    init(id: ConnectionID, name: String, user: String) {
        self.id = id
        self.name = name
        self.user = user
    }
}
