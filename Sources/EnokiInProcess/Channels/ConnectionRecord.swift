/// A connection as the virtual host keeps it.
final class ConnectionRecord {
    let id: ConnectionID
    /// What stands for the connection itself, as channel 0 does on a wire, where its end is told; `nil` where it is not.
    let control: ChannelID?
    /// The name that the client gave itself.
    let name: String
    /// Who logged in: messages may name no other user.
    let user: String
    var channels: [ChannelID: ChannelRecord] = [:]
    var exclusiveQueues: [QueueID: QueueRecord] = [:]

    init(id: ConnectionID, control: ChannelID?, name: String, user: String) {
        self.id = id
        self.control = control
        self.name = name
        self.user = user
    }
}
