import EnokiTestSupport
import Foundation
import Logging
import Testing

struct WaitingTests {
    @Test func aConditionThatStaysFalseIsReportedWithWhatWasSeen() async throws {
        let error = await #expect(throws: ConditionNotMet.self) {
            try await eventually("it is three", equals: 3, within: .milliseconds(20)) { 2 }
        }
        #expect(error?.description.contains("it is three (expected 3). Last seen: 2") == true)
    }

    @Test func anErrorMeansNotYet() async throws {
        struct NotYet: Error {}
        let attempts = Collector<Int>()
        try await eventually("the third attempt succeeds") {
            attempts.append(1)
            if attempts.count < 3 { throw NotYet() }
            return true
        }
        #expect(attempts.count == 3)
    }

    @Test func aCollectorGivesTheFirstElementsInOrder() async throws {
        let collector = Collector<Int>()
        async let first = collector.first(2)
        for number in 1...3 { collector.append(number) }
        #expect(try await first == [1, 2])
    }

    @Test func aLogRecorderKeepsWhatIsLogged() async throws {
        let recorder = LogRecorder()
        recorder.logger.debug("hello", metadata: ["who": "ada"])
        #expect(try await recorder.entry(containing: "hell").metadata == ["who": "ada"])
    }

    @Test func aChildProcessThatIgnoresItsStopSignalIsKilled() async throws {
        let id = try await ChildProcess.with(
            "/bin/sh",
            ["-c", "echo up; exec sleep 1000"],
            stopSignal: SIGCONT,
            patience: .milliseconds(50)
        ) { child in
            try await eventually("the shell is up", equals: "up\n") { child.output }
            return child.id
        }
        try await eventually("it is gone") { kill(id, 0) == -1 }
    }

    /// Foundation's own notice comes when both have ended.
    @Test func theEndOfAChildIsSeenWhileItsOwnChildLives() async throws {
        try await ChildProcess.with("/bin/sh", ["-c", "sleep 1000 & echo $!; kill -9 $$"]) { child in
            let exit = try await child.ended(within: .seconds(10))
            #expect(exit == .signal(SIGKILL))
            let grandchild = try #require(Int32(child.output.filter(\.isNumber)))
            #expect(kill(grandchild, SIGKILL) == 0)
        }
    }

    @Test func aChildProcessTellsHowItEnded() async throws {
        try await ChildProcess.with("/bin/sh", ["-c", "echo oops >&2; exit 7"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(7))
            #expect(child.errors == "oops\n")
        }
    }
}
