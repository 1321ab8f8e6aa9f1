import EnokiBroker
import Foundation

/// A RabbitMQ that is not the one of all tests, so that it can be restarted.
///
/// Within ``asCurrent(_:)`` all that this module makes on RabbitMQ is made on this one.
public final class RabbitMQNode: Sendable {
    /// The node that is used instead of the one of all tests.
    @TaskLocal public static var current: RabbitMQNode?

    /// What `Scripts/with-rabbitmq` tells of it.
    let environment: [String: String]
    private let rabbitmqctl: String
    private let restarts: SharedRestart

    private init(environment: [String: String], rabbitmqctl: String) {
        self.environment = environment
        self.rabbitmqctl = rabbitmqctl
        self.restarts = SharedRestart {
            // One call, since each starts an Erlang of its own.
            let stopAndStart = ["eval", "rabbit:stop(), rabbit:start()."]
            try await ChildProcess.with(rabbitmqctl, stopAndStart) { child in
                guard try await child.ended(within: .seconds(180)) == .status(0) else {
                    throw ConditionNotMet(description: "RabbitMQ did not restart: \(child.output)\(child.errors)")
                }
            }
        }
    }

    /// Starts a RabbitMQ (about 5 s), runs `body` with it and stops it.
    ///
    /// - Parameter disk: How large a disk of its own is, such as `256m`, which can really be full; `nil` is the machine's. It
    ///   takes root who may mount, or namespaces of users.
    /// - Throws: What `body` throws; ``ConditionNotMet`` when it does not start.
    public static func with<Result>(
        disk: String? = nil,
        _ body: (RabbitMQNode) async throws -> Result
    ) async throws -> Result {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Scripts/with-rabbitmq").path()
        let report = ["bash", "-c", "env | grep ^ENOKI_TEST_; echo ready; exec cat"]
        let environment = disk.map { ["ENOKI_RABBITMQ_DISK": $0] } ?? [:]
        return try await ChildProcess.with(script, report, environment: environment) { child in
            try await eventually("a RabbitMQ has started", within: .seconds(120)) {
                child.output.hasSuffix("ready\n") || child.hasEnded
            }
            let settings = child.output.split(separator: "\n").compactMap { line -> (String, String)? in
                guard let equals = line.firstIndex(of: "=") else { return nil }
                return (String(line[..<equals]), String(line[line.index(after: equals)...]))
            }
            let environment = Dictionary(settings) { $1 }
            guard let rabbitmqctl = environment["ENOKI_TEST_RABBITMQCTL"] else {
                throw ConditionNotMet(description: "no RabbitMQ has started: \(child.output)\(child.errors)")
            }
            let result = try await body(RabbitMQNode(environment: environment, rabbitmqctl: rabbitmqctl))
            child.closeInput()
            try await child.ended()
            return result
        }
    }

    /// Runs `body` with this node in the place of the one of all tests.
    public func asCurrent<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        try await Self.$current.withValue(self) { try await body() }
    }

    /// Runs a case that may restart the current node, if there is one. A restart waits for all cases that run, and serves
    /// them all.
    public static func whileCurrentIsInUse<Result>(_ body: () async throws -> Result) async throws -> Result {
        guard let restarts = Self.current?.restarts else { return try await body() }
        await restarts.begin()
        do {
            let result = try await body()
            await restarts.end()
            return result
        } catch {
            await restarts.end()
            throw error
        }
    }

    /// Its URI: user `guest`, virtual host `/`.
    public var uri: String { self.environment["ENOKI_TEST_AMQP_URI"] ?? "" }

    /// Runs an Erlang expression on the node, such as one that changes a setting.
    public func evaluate(_ expression: String) async throws {
        try await ChildProcess.with(self.rabbitmqctl, ["eval", expression]) { child in
            guard try await child.ended(within: .seconds(180)) == .status(0) else {
                throw ConditionNotMet(description: "rabbitmqctl eval failed: \(child.output)\(child.errors)")
            }
        }
    }

    /// Restarts the node; returns when it serves again.
    public func restart() async throws { try await self.restarts.request() }
}

/// One restart for several cases: it comes when each case that runs has asked for it or has ended.
private actor SharedRestart {
    private let restart: @Sendable () async throws -> Void
    private var running = 0
    private var requests: [CheckedContinuation<Void, any Error>] = []
    private var newcomers: [CheckedContinuation<Void, Never>] = []
    private var isRestarting = false

    init(_ restart: @escaping @Sendable () async throws -> Void) { self.restart = restart }

    func begin() async {
        while self.isRestarting { await withCheckedContinuation { self.newcomers.append($0) } }
        self.running += 1
    }

    func end() async {
        self.running -= 1
        await self.restartIfAllWait()
    }

    func request() async throws {
        // The last one does the work for all.
        if self.requests.count + 1 == self.running {
            try await self.perform()
        } else {
            try await withCheckedThrowingContinuation { self.requests.append($0) }
        }
    }

    private func restartIfAllWait() async {
        guard !self.requests.isEmpty, self.requests.count == self.running else { return }
        // Those that asked for it get the error.
        try? await self.perform()
    }

    private func perform() async throws {
        self.isRestarting = true
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await self.restart())
        } catch {
            outcome = .failure(error)
        }
        self.isRestarting = false
        let (requests, newcomers) = (self.requests, self.newcomers)
        (self.requests, self.newcomers) = ([], [])
        for request in requests { request.resume(with: outcome) }
        for newcomer in newcomers { newcomer.resume() }
        try outcome.get()
    }
}
