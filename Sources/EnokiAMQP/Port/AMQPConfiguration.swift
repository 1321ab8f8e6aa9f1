/// What an AMQP port asks of its clients, and lets them do.
///
/// The defaults are RabbitMQ's, where it has one.
public struct AMQPConfiguration: Sendable, Hashable {
    /// Who may log in; by default `guest` with the password `guest`, from this machine only.
    public var users: [AMQPUser] = [.guest]
    /// How long a client may take to log in; by default 10 seconds.
    public var loginTimeout: Duration = .seconds(10)
    /// After which time without a sign of the other side a connection counts as lost, where the client does not ask for
    /// another; by default 60 seconds, and zero is never. Both sides send something twice as often.
    public var heartbeat: Duration = .seconds(60)
    /// The most bytes of a frame, at least 4096; by default 131,072.
    public var frameMax = 131_072
    /// The most channels of a connection, 1 to 65,535; by default 2,047.
    public var channelMax = 2047
    /// The most connections at once; by default 10,000. Another one is closed before it has logged in.
    public var connectionMax = 10_000
    /// The most bytes of a message; by default 134,217,728.
    public var messageSizeMax = 134_217_728

    /// The defaults.
    public init() {}
}

extension AMQPConfiguration {
    func check() throws(AMQPServerError) {
        try Self.check("frameMax", self.frameMax, 4096...Int(UInt32.max))
        try Self.check("channelMax", self.channelMax, 1...Int(UInt16.max))
        try Self.check("connectionMax", self.connectionMax, 1...Int.max)
        try Self.check("messageSizeMax", self.messageSizeMax, 1...Int.max)
        guard self.loginTimeout > .zero else {
            throw AMQPServerError("expected a loginTimeout above zero, found \(self.loginTimeout)")
        }
        guard (.zero ... .seconds(Int(UInt16.max))).contains(self.heartbeat) else {
            throw AMQPServerError("expected a heartbeat of 0 to 65535 seconds, found \(self.heartbeat)")
        }
        guard self.heartbeat.components.attoseconds == 0 else {
            throw AMQPServerError("expected a heartbeat of whole seconds, found \(self.heartbeat): AMQP has no others")
        }
        guard !self.users.isEmpty else {
            throw AMQPServerError("expected at least one user, found none: nobody could log in")
        }
    }

    private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(AMQPServerError) {
        guard !range.contains(value) else { return }
        throw AMQPServerError(
            "expected \(name) of \(range.lowerBound) to \(range.upperBound), found \(value)"
        )
    }
}
