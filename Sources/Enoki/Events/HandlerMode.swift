/// Which instances get an event: nameko's handler types.
public enum HandlerMode: Sendable, Hashable {
    /// One instance of each service whose handler is bound (`SERVICE_POOL`).
    case servicePool
    /// One handler of all, of whatever service (`SINGLETON`).
    case singleton
    /// Every instance (`BROADCAST`), told apart by an identifier.
    case broadcast(BroadcastIdentifier)

    /// Every instance, each with an identifier of its own that ends with its process.
    public static let broadcast = HandlerMode.broadcast(.process)
}

/// What tells the instances of a service apart for a broadcast: the end of the queue's name.
public enum BroadcastIdentifier: Sendable, Hashable {
    /// A new random one at each start. Its queue ends with the process, so delivery is never reliable.
    case process
    /// The host's name: stable where each instance has its own host, as in Kubernetes.
    case hostname
    /// The string at `key` of the process's configuration.
    case configuration(key: String)
    /// The given one.
    case fixed(String)
}
