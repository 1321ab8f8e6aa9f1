import ChaosLedger
import EnokiBroker
import EnokiTestSupport
import Foundation

/// The processes of one run, each with a proxy of its own, and the folder of their ledgers and logs.
final class Crew: Sendable {
    /// One place in the crew: a proxy, and the process that runs behind it now.
    final class Member: Sendable {
        let name: String
        let proxy: ChaosProxy
        /// The file of its processes' log: their standard error.
        let log: String
        fileprivate let arguments: [String]
        fileprivate let environment: [String: String]
        fileprivate let processes = Locked<[WorkerProcess]>([])
        /// Processes that the driver ended itself.
        fileprivate let ended = Locked<Set<Int32>>([])

        fileprivate init(
            _ name: String,
            _ proxy: ChaosProxy,
            _ arguments: [String],
            environment: [String: String],
            log: String
        ) {
            self.name = name
            self.proxy = proxy
            self.arguments = arguments
            self.environment = environment
            self.log = log
        }

        /// The process that runs now, or ran last.
        var process: WorkerProcess? { self.processes.withLock { $0.last } }

        /// Starts a process in this place.
        @discardableResult
        func start() throws -> WorkerProcess {
            let process = try WorkerProcess(
                BuiltExecutable.path("chaos-worker"),
                self.arguments,
                environment: self.environment,
                log: self.log
            )
            self.processes.withLock { $0.append(process) }
            return process
        }

        /// Starts a process in this place and waits until it has begun to work on something, or until there is nothing more.
        func startAndWork(in folder: String, orUntil isOver: () throws -> Bool = { false }) async throws {
            let process = try self.start()
            try await eventually("process \(process.id) works; its log is \(self.log)") {
                if try isOver() { return true }
                return try FileManager.default.contentsOfDirectory(atPath: folder)
                    .filter { $0.hasSuffix(".\(process.id).ledger") }
                    .contains { file in
                        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(file)")
                        return attributes[.size] as? Int ?? 0 > 0
                    }
            }
        }

        /// Asks the process to stop, by SIGTERM, and waits for its end.
        @discardableResult
        func stop(within limit: Duration = .seconds(40)) async throws -> WorkerProcess? {
            try await self.end(by: SIGTERM, limit)
        }

        /// Ends the process where it stands, by SIGKILL.
        @discardableResult
        func kill() async throws -> WorkerProcess? { try await self.end(by: SIGKILL, .seconds(40)) }

        private func end(by signal: Int32, _ limit: Duration) async throws -> WorkerProcess? {
            guard let process = self.process, process.end == nil else { return nil }
            _ = self.ended.withLock { $0.insert(process.id) }
            process.send(signal)
            try await process.ended(within: limit)
            return process
        }

        /// The ends that nobody has asked for, and those of a stop that did not go well, in words.
        var crashes: [String] {
            let ended = self.ended.withLock { $0 }
            return self.processes.withLock { $0 }.compactMap { process in
                guard let end = process.end, !ended.contains(process.id) else { return nil }
                return "\(self.name), process \(process.id), ended by itself: \(end.reason); its log is \(process.log)"
            }
        }

        /// Waits until its process has both its connections, or until `limit` has passed: what that means is for the verdict.
        func heals(within limit: Duration) async {
            let deadline = ContinuousClock.now + limit
            while !self.proxy.isWhole, ContinuousClock.now < deadline {
                try? await ContinuousClock().sleep(for: .milliseconds(10))
            }
        }

        /// Waits until what its process has logged contains `text`.
        func logs(_ text: String, within limit: Duration = .seconds(60)) async throws {
            try await eventually("\(self.name) logs '\(text)'; its log is \(self.log)", within: limit) {
                try String(contentsOfFile: self.log, encoding: .utf8).contains(text)
            }
        }
    }

    /// How a process learns who it is to the broker.
    enum Login: Sendable {
        /// As `guest`, by its environment.
        case environment
        /// By a file, which can be changed while it runs.
        case file(user: String, password: String)
    }

    /// Where ledgers and logs are.
    let folder: String
    let host: RabbitMQVirtualHost
    private let target: Int
    private let heartbeat: Int
    private let members = Locked<[Member]>([])

    /// A crew without members.
    ///
    /// - Parameters:
    ///   - port: The broker's.
    ///   - heartbeat: In seconds.
    init(folder: String, host: RabbitMQVirtualHost, port: Int, heartbeat: Int) {
        self.folder = folder
        self.host = host
        self.target = port
        self.heartbeat = heartbeat
    }

    /// A place for processes that run `services`; none runs yet.
    ///
    /// - Parameters:
    ///   - settings: What the services read from their configuration.
    ///   - environment: Environment variables of its processes.
    ///   - login: How they learn who they are to the broker.
    func hire(
        _ name: String,
        services: [String],
        workers: Int = 16,
        _ settings: [String: String] = [:],
        environment: [String: String] = [:],
        login: Login = .environment
    ) throws -> Member {
        let proxy = try ChaosProxy(to: self.target)
        try proxy.accept()
        var arguments = ["run"] + services + ["--max-workers", "\(workers)", "--log-level", "info"]
        for (key, value) in settings.merging(["chaos_ledger": self.folder], uniquingKeysWith: { $1 }).sorted(by: <) {
            arguments += ["-d", "\(key)=\(value)"]
        }
        var environment = environment
        switch login {
        case .environment: environment["AMQP_URI"] = self.uri(of: proxy, user: "guest", password: "guest")
        case .file(let user, let password):
            let file = "\(self.folder)/\(name).yaml"
            arguments += ["--config", file]
            try self.write(self.uri(of: proxy, user: user, password: password), to: file)
        }
        let member = Member(name, proxy, arguments, environment: environment, log: "\(self.folder)/\(name).log")
        self.members.withLock { $0.append(member) }
        return member
    }

    /// Tells the processes of `member`, which have their address from a file, another login.
    func tell(_ member: Member, user: String, password: String) throws {
        let uri = self.uri(of: member.proxy, user: user, password: password)
        try self.write(uri, to: "\(self.folder)/\(member.name).yaml")
    }

    private func uri(of proxy: ChaosProxy, user: String, password: String) -> String {
        "amqp://\(user):\(password)@127.0.0.1:\(proxy.port)/\(self.host.name)?heartbeat=\(self.heartbeat)"
    }

    private func write(_ uri: String, to file: String) throws {
        try Data("AMQP_URI: \(uri)\n".utf8).write(to: URL(filePath: file), options: .atomic)
    }

    /// All places.
    var all: [Member] { self.members.withLock { $0 } }

    /// How many cuts have happened to all of them.
    var cuts: Int { self.all.reduce(0) { $0 + $1.proxy.cuts } }

    /// What ended by itself.
    var crashes: [String] { self.all.flatMap(\.crashes) }

    /// Ends all processes, gracefully where they can.
    func dismiss() async {
        await withDiscardingTaskGroup { group in
            for member in self.all {
                group.addTask {
                    do {
                        try await member.stop()
                    } catch {
                        _ = try? await member.kill()
                    }
                    member.proxy.refuse()
                }
            }
        }
    }
}
