import EnokiTestSupport
import Foundation
import Testing

/// The command line as users and process managers meet it: real processes, signals and exit codes.
@Suite struct ProgramTests {
    private func stderr(_ child: ChildProcess, contains text: String) async throws {
        try await eventually("standard error has '\(text)'") {
            child.errors
        } until: {
            $0.contains(text)
        }
    }

    /// When the next attempt to connect is due, as the child has said.
    private func nextAttempt(of child: ChildProcess) -> Date? {
        child.errors.split(separator: "\n").compactMap { line -> Date? in
            guard let time = RunnerFixture.time(of: line),
                let wait = line.firstMatch(of: /attempt \d+ in (\d+\.\d+) s/).flatMap({ Double($0.1) })
            else { return nil }
            return time + wait
        }
        .max()
    }

    @Test func anotherSignalAtOnceDoesNotKill() async throws {
        // Where all stands still between the two they are not at once, and another child is asked.
        for _ in 1...10 {
            let wereAtOnce: Bool = try await RunnerFixture.with(["run", "brief"]) { child in
                try await stderr(child, contains: "begins")
                let start = Date.now
                // As coreutils' `timeout` and a terminal do, which reach the process twice.
                child.send(signal: SIGINT)
                child.send(signal: SIGTERM)
                let sent = Date.now
                let exit = try await child.ended()
                // The child may have stood still, too: one that took them for one signal each has killed only then.
                let killing = child.errors.split(separator: "\n").first { $0.contains("kills the calls in work") }
                let killed = killing.flatMap { RunnerFixture.time(of: $0) }
                let isKilledLate = killed.map { $0 > start + 0.15 } ?? (exit == .status(130))
                guard sent < start + 0.1, !isKilledLate else { return false }
                #expect(exit == .status(0))
                #expect(child.errors.contains("is done"))
                #expect(killing == nil)
                return true
            }
            if wereAtOnce { return }
        }
        Issue.record("no child had the two signals at once")
    }

    // MARK: - The command line

    @Test func printsItsVersion() async throws {
        try await RunnerFixture.with(["--version"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(child.output == "9.8.7\n")
        }
    }

    @Test(arguments: [[], ["--help"], ["run", "--help"], ["services", "--help"], ["broker", "--help"]])
    func helpIsNoError(_ arguments: [String]) async throws {
        try await RunnerFixture.with(arguments) { child in
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(child.output.contains("USAGE: fixture"))
        }
    }

    @Test func helpOfRunNamesOptionsAndExitCodes() async throws {
        try await RunnerFixture.with(["run", "--help"]) { child in
            try await child.ended()
            let options = [
                "--broker", "--listen", "--config", "--define", "--max-workers", "--log-level", "--fail-fast",
            ]
            let help = child.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            for text in options + ["130 killed"] { #expect(help.contains(text)) }
        }
    }

    @Test func anUnknownServiceIsAnErrorThatNamesTheKnownOnes() async throws {
        try await RunnerFixture.with(["run", "steady", "steddy"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(64))
            #expect(
                child.errors == """
                    fixture: there is no service 'steddy'; there are: steady, brief, slow, stubborn, leaking, broken, failing, \
                    twins, talkative, blocking, stuck

                    """
            )
        }
    }

    @Test(arguments: [
        ["run", "--max-workers", "many"], ["run", "--nonsense"], ["nonsense"], ["run", "-d", "novalue"],
        ["broker", "--heartbeat", "soon"],
    ])
    func aCommandLineThatCannotBeParsedEndsWith64(_ arguments: [String]) async throws {
        try await RunnerFixture.with(arguments) { child in
            let exit = try await child.ended()
            #expect(exit == .status(64))
            #expect(child.errors.contains("Error: "))
            #expect(child.output.isEmpty)
        }
    }

    struct Misconfiguration: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        var environment: [String: String] = [:]
        let error: String
        var testDescription: String { "\(self.arguments) \(self.environment)" }
    }

    @Test(arguments: [
        Misconfiguration(
            arguments: ["run", "steady", "-d", "max_workers=many"],
            error: "max_workers in the command line is not a whole number"
        ),
        Misconfiguration(
            arguments: ["run", "steady"],
            environment: ["MAX_WORKERS": "many"],
            error: "max_workers has a value of the wrong type: give a whole number"
        ),
        Misconfiguration(
            arguments: ["run", "steady", "--max-workers", "0"],
            error: "max_workers is 0: give a number from 1 to 1000000"
        ),
        Misconfiguration(
            arguments: ["services", "-d", "rpc_timeout=1e300"],
            error: "rpc_timeout is out of range"
        ),
        Misconfiguration(
            arguments: ["run", "steady", "--log-level", "loud"],
            error: "LOG_LEVEL (or --log-level) is not a level: give one of trace, debug, info"
        ),
        Misconfiguration(
            arguments: ["run", "steady", "--config", "/nonexistent/shop.yaml"],
            error: "the configuration file /nonexistent/shop.yaml cannot be used: No such file or directory"
        ),
        Misconfiguration(
            arguments: ["run", "steady"],
            environment: ["AMQP_URI": ""],
            error: "AMQP_URI is empty"
        ),
        Misconfiguration(
            arguments: ["run", "steady", "--broker", "redis://user:hunter2@host/"],
            error: "the broker's address cannot be understood"
        ),
        Misconfiguration(
            arguments: ["run", "steady"],
            environment: ["AMQP_URI": "user:hunter2@host"],
            error: "it was given by the environment variable AMQP_URI"
        ),
        Misconfiguration(
            arguments: ["dead-letters", "list", "--queue", "a", "-d", "AMQP_URI=redis://user:hunter2@host/"],
            error: "it was given by -d AMQP_URI"
        ),
        Misconfiguration(
            arguments: ["dead-letters", "list", "--queue", "a"],
            environment: ["AMQP_URL": "amqp://user:hunter2@host/"],
            error: "AMQP_URL in the environment is not read: is AMQP_URI meant?"
        ),
        Misconfiguration(
            arguments: ["run", "steady", "--listen", "5672", "--broker", "amqp://user:hunter2@host/"],
            error: "--listen (AMQP_SERVER_ADDRESS) opens a port of the embedded broker"
        ),
        Misconfiguration(
            arguments: ["broker", "--listen", "0.0.0.0:0"],
            error: "nobody could log in from another machine at 0.0.0.0:0"
        ),
        Misconfiguration(
            arguments: ["broker", "--listen", "0", "--user", "hunter2"],
            error: "user 1 in AMQP_SERVER_USERS is not name:password"
        ),
        Misconfiguration(
            arguments: ["run", "twins"],
            error: "service 'twins' has two entrypoints named 'work'"
        ),
    ])
    func wrongConfigurationEndsWith78AndSaysWhy(_ wrong: Misconfiguration) async throws {
        try await RunnerFixture.with(wrong.arguments, environment: wrong.environment) { child in
            let exit = try await child.ended()
            #expect(exit == .status(78))
            #expect(child.errors.contains(wrong.error))
            #expect(!child.errors.contains("hunter2"))
        }
    }

    @Test(arguments: [["--broker"], ["-d"]]) func aPasswordThatOthersSeeOnTheCommandLineIsSaid(_ option: [String])
        async throws
    {
        let uri = "amqp://ada:hunter2@127.0.0.1:1/"
        let arguments = option + [option == ["-d"] ? "AMQP_URI=\(uri)" : uri]
        try await RunnerFixture.with(["run", "steady", "--fail-fast"] + arguments) { child in
            let exit = try await child.ended()
            #expect(exit == .status(3))
            #expect(
                child.errors.contains(
                    "warning [fixture] other users of this machine can read the password in \(option[0])"
                )
            )
            #expect(!child.errors.contains("hunter2"))
        }
        let environment = ["AMQP_URI": uri]
        try await RunnerFixture.with(["run", "steady", "--fail-fast"], environment: environment) { child in
            try await child.ended()
            #expect(!child.errors.contains("can read the password"))
        }
    }

    // MARK: - Running and stopping

    @Test(arguments: [SIGTERM, SIGINT])
    func runsEmbeddedSaysSoAndStopsAtASignal(_ signal: Int32) async throws {
        try await RunnerFixture.with(["run", "steady"]) { child in
            try await stderr(child, contains: "[steady] started")
            #expect(child.errors.contains("warning [fixture] runs steady on the embedded broker"))
            #expect(child.errors.contains("name a broker with AMQP_URI or --broker"))
            #expect(!child.errors.contains("is not read"))
            child.send(signal: signal)
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(child.errors.contains("[steady] stopped"))
        }
    }

    @Test func aMisspeltSettingIsSaidAtStart() async throws {
        let environment = ["AMPQ_URI": "amqp://user:hunter2@host/"]
        try await RunnerFixture.with(["run", "steady", "-d", "max_workerz=5"], environment: environment) { child in
            try await stderr(child, contains: "[steady] started")
            #expect(child.errors.contains("max_workerz on the command line is not read: is max_workers meant?"))
            #expect(child.errors.contains("AMPQ_URI in the environment is not read: is AMQP_URI meant?"))
            #expect(!child.errors.contains("hunter2"))
            child.send(signal: SIGTERM)
            let exit = try await child.ended()
            #expect(exit == .status(0))
        }
    }

    @Test func aPortForOthersIsNoReasonToWarn() async throws {
        try await RunnerFixture.with(["run", "steady", "--listen", "0"]) { child in
            try await stderr(child, contains: "[steady] started")
            #expect(
                child.errors.contains("info    [fixture] runs steady on the embedded broker, which takes other clients")
            )
            child.send(signal: SIGTERM)
            try await child.ended()
        }
    }

    @Test func runsOnlyTheServicesThatAreNamed() async throws {
        try await RunnerFixture.with(["run", "steady", "talkative"]) { child in
            try await stderr(child, contains: "[steady] started")
            try await stderr(child, contains: "[talkative] started")
            #expect(!child.errors.contains("[slow]"))
        }
    }

    @Test func aPasswordThatIsChangedInTheFileIsReadAgain() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "enoki-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try await RabbitMQVirtualHost.withFresh { host in
            func write(password: String) throws {
                let uri = host.uri.replacing("guest:guest@", with: "guest:\(password)@")
                #expect(uri != host.uri || password == "guest")
                try Data("AMQP_URI: \(uri)\n".utf8).write(to: file, options: .atomic)
            }
            try write(password: "wrong")
            try await RunnerFixture.with(["run", "steady", "--config", file.path()]) { child in
                try await stderr(child, contains: "login refused for user 'guest'")
                try write(password: "guest")
                try await stderr(child, contains: "[steady] started")
                child.send(signal: SIGTERM)
                let exit = try await child.ended()
                #expect(exit == .status(0))
                #expect(!child.errors.contains("wrong"))
            }
        }
    }

    @Test func aCallInWorkEndsBeforeTheProcess() async throws {
        try await RunnerFixture.with(["run", "brief"]) { child in
            try await stderr(child, contains: "begins")
            child.send(signal: SIGTERM)
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(child.errors.contains("is done"))
        }
    }

    @Test func anExceededGracePeriodCancelsTheCallAndEndsWith1() async throws {
        try await RunnerFixture.with(["run", "slow", "-d", "shutdown_grace=0.2"]) { child in
            try await stderr(child, contains: "begins")
            let end = try await child.end(by: SIGTERM)
            #expect(end.exit == .status(1))
            #expect(end.errors.contains("work was cancelled by the container's stop"))
            let reason = "service 'slow' did not stop within 0.2 seconds and cancelled its calls in work (1)"
            // Five seconds after the grace period the process is ended, whatever it has come to.
            #expect(end.errors.contains(reason) || end.took >= .seconds(5.2), "\(end.errors)")
        }
    }

    @Test func aServiceWithoutAWorkerLeftEndsItsProcess() async throws {
        try await RunnerFixture.with(["run", "leaking", "steady", "-d", "shutdown_grace=0.2", "-d", "max_workers=1"]) {
            child in
            let exit = try await child.ended()
            #expect(exit == .status(1))
            #expect(child.errors.contains("service 'leaking' has no worker left for work"))
            #expect(child.errors.contains("work ignores that it was cancelled: `run()` waits for it"))
            #expect(child.errors.contains("[steady] stopped"))
        }
    }

    @Test func aSecondSignalKillsCallsThatHeedTheirCancellation() async throws {
        try await RunnerFixture.with(["run", "slow"]) { child in
            try await stderr(child, contains: "begins")
            child.send(signal: SIGTERM)
            let end = try await child.end(bySecond: SIGINT)
            #expect(end.exit == .status(130))
            // Half a second after the signal the process is ended, whatever else is left: its call must have ended by then.
            let ends = [
                "killed by a second signal", "did not stop in time", "work was cancelled by the container's stop",
            ]
            #expect(ends.contains { end.errors.contains($0) }, "\(end.errors)")
            if end.took < .milliseconds(500) { #expect(end.errors.contains(ends[0]), "\(end.errors)") }
        }
    }

    @Test func aSecondSignalEndsAProcessWithACallThatIgnoresIt() async throws {
        try await RunnerFixture.with(["run", "stubborn"]) { child in
            try await stderr(child, contains: "begins")
            child.send(signal: SIGINT)
            let end = try await child.end(bySecond: SIGTERM)
            #expect(end.exit == .status(130))
            for text in ["kills the calls in work", "gives up waiting"] {
                #expect(end.says(text, due: .milliseconds(500)), "\(end.errors)")
            }
        }
    }

    @Test func aSignalWhileTheBrokerIsAwaitedEndsTheProcessAtOnce() async throws {
        // A refused login is tried again after five to ten seconds. A long one of these waits tells a process that waits it out
        // from one that a busy machine keeps from ending.
        let uri = try TestEnvironment.amqpURI.replacing("guest:guest@", with: "guest:wrong@")
        let arguments = ["run", "steady", "--log-level", "debug"]
        try await RunnerFixture.with(arguments, environment: ["AMQP_URI": uri]) { child in
            let announced = try await eventually("the next attempt is long in coming", within: .seconds(240)) {
                self.nextAttempt(of: child)
            } until: {
                $0.map { $0.timeIntervalSinceNow > 8 } ?? false
            }
            child.send(signal: SIGTERM)
            let exit = try await child.ended(within: .seconds(20))
            let end = Date.now
            #expect(exit == .status(0))
            let due = try #require(announced)
            #expect(end < due)
        }
    }

    @Test func aCallThatIgnoresItsCancellationDoesNotKeepTheProcessAlive() async throws {
        try await RunnerFixture.with(["run", "stubborn", "-d", "shutdown_grace=0.1"]) { child in
            try await stderr(child, contains: "begins")
            let end = try await child.end(by: SIGTERM)
            #expect(end.exit == .status(1))
            for text in ["gives up waiting", "entrypoints=stubborn.work"] {
                #expect(end.says(text, due: .seconds(5.1)), "\(end.errors)")
            }
        }
    }

    @Test(arguments: [("broken", "the database is not there"), ("failing", "the feed has ended")])
    func aServiceThatFailsStopsItsPeersAndIsNamed(_ service: String, _ reason: String) async throws {
        try await RunnerFixture.with(["run", "steady", service]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(1))
            #expect(child.errors.contains("fixture: stopped by an error: \(reason)"))
            #expect(child.errors.contains("[steady] stopped"))
        }
    }

    @Test func nothingThatIsLoggedCanPassForALine() async throws {
        try await RunnerFixture.with(["run", "talkative"]) { child in
            try await stderr(child, contains: "got a message")
            #expect(child.errors.contains(#"body="harmless\n2026-01-01T00:00:00.000Z error [bank] robbed""#))
            #expect(!child.errors.contains("\n2026-01-01"))
        }
    }

    @Test func theLogLevelComesFromTheCommandLineTheEnvironmentOrTheFile() async throws {
        try await RunnerFixture.with(["run", "talkative", "broken"], environment: ["LOG_LEVEL": "error"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(1))
            #expect(child.errors.contains(" error "))
            #expect(!child.errors.contains(" info "))
        }
        try await RunnerFixture.with(["run", "steady", "--log-level", "debug"], environment: ["LOG_LEVEL": "error"]) {
            child in
            try await stderr(child, contains: "debug")
        }
    }
}
