/// A service stopped because calls that ignore their cancellation had taken all of its workers, or all calls that an
/// entrypoint may have at once (`concurrency:`): it would have been alive and idle.
///
/// Only a new process gets rid of them: Swift cannot stop code that does not look at its cancellation. A runner ends its
/// process. Whoever runs a ``ServiceHost`` by other means should, too, some time after ``ServiceHost/waitUntilStopping()``:
/// `run()` does not return before the last call.
public struct NoWorkerLeft: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the service.
    public let service: String
    /// The names of the entrypoints whose calls go on, sorted.
    public let entrypoints: [String]

    /// Service `service` has no worker left because of calls of `entrypoints`.
    public init(service: String, entrypoints: [String]) {
        self.service = service
        self.entrypoints = entrypoints
    }

    /// The service, the entrypoints and the remedy.
    public var description: String {
        "service '\(self.service)' has no worker left for \(self.entrypoints.joined(separator: ", ")): its calls outlived "
            + "their timeout and ignore that they were cancelled. Let a supervisor start the process again, and move what "
            + "blocks out of the handler"
    }
}
