import EnokiInProcess

/// What a method of the client is answered with.
enum Answer {
    case method(ServerMethod)
    /// `basic.get-ok` with its message.
    case message(BasicGetOK)
    /// Nothing: the client said that it does not wait.
    case none
    /// `channel.close`: the method failed.
    case failure(AMQPException)
}
