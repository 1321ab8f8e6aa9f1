import EnokiInProcess

/// The channels of a connection, by the client's numbers and by the broker's ids.
struct ChannelTable {
    private var channels: [UInt16: ClientChannel] = [:]
    private var numbers: [ChannelID: UInt16] = [:]
    private var written: [UInt16: ClientChannel] = [:]

    /// How many are open.
    var count: Int { self.channels.count }

    /// The channel with the client's number.
    subscript(_ number: UInt16) -> ClientChannel? { self.channels[number] }

    /// The channel with the broker's id.
    subscript(_ id: ChannelID) -> ClientChannel? { self.numbers[id].flatMap { self.channels[$0] } }

    /// Adds a channel that begins.
    mutating func insert(_ channel: ClientChannel) {
        self.channels[channel.number] = channel
        self.numbers[channel.id] = channel.number
    }

    /// Removes a channel that has ended; it is the broker's no more.
    mutating func remove(_ channel: ClientChannel) {
        self.channels[channel.number] = nil
        self.numbers[channel.id] = nil
        self.written[channel.number] = nil
        channel.abandon()
    }

    /// Something was written on the channel.
    mutating func noteWritten(_ channel: ClientChannel) { self.written[channel.number] = channel }

    /// Writes what was held back to be told at once.
    func writeConfirms(_ output: inout ConnectionOutput) {
        for channel in self.written.values { channel.writeConfirms(&output) }
    }

    /// What was written is on its way, and the broker may send more.
    mutating func noteSent() {
        for channel in self.written.values { channel.noteSent() }
        self.written = [:]
    }
}
