import EnokiBroker
import NIOCore
import NIOEmbedded
import Testing

@testable import EnokiAMQP

struct HeartbeatsTests {
    private final class Fixture {
        let loop = EmbeddedEventLoop()
        let sent = Locked(0)
        let silences = Locked(0)
        let heartbeats: Heartbeats

        init(every interval: TimeAmount = .seconds(2)) {
            let (sent, silences) = (self.sent, self.silences)
            self.heartbeats = Heartbeats(
                every: interval,
                on: self.loop,
                send: { sent.withLock { $0 += 1 } },
                onSilence: { silences.withLock { $0 += 1 } }
            )
        }

        var sentCount: Int { self.sent.withLock { $0 } }
        var isSilent: Bool { self.silences.withLock { $0 } > 0 }
    }

    @Test func oneGoesOutEveryHalfIntervalInWhichNothingElseDid() {
        let fixture = Fixture()
        defer { fixture.heartbeats.stop() }
        fixture.loop.advanceTime(by: .milliseconds(999))
        #expect(fixture.sentCount == 0)
        fixture.loop.advanceTime(by: .milliseconds(1))
        #expect(fixture.sentCount == 1)
        fixture.heartbeats.noteSent()
        fixture.loop.advanceTime(by: .seconds(1))
        #expect(fixture.sentCount == 1)
        fixture.loop.advanceTime(by: .seconds(1))
        #expect(fixture.sentCount == 2)
    }

    @Test func aClientIsGoneAfterTwoIntervalsOfSilence() {
        let fixture = Fixture()
        defer { fixture.heartbeats.stop() }
        fixture.loop.advanceTime(by: .milliseconds(1900))
        fixture.heartbeats.noteReceived()
        fixture.loop.advanceTime(by: .milliseconds(4000))
        #expect(!fixture.isSilent)
        fixture.loop.advanceTime(by: .milliseconds(100))
        #expect(fixture.isSilent)
    }

    @Test func whoSaysSomethingNowAndThenIsThere() {
        let fixture = Fixture()
        defer { fixture.heartbeats.stop() }
        for _ in 0..<100 {
            fixture.loop.advanceTime(by: .milliseconds(3900))
            fixture.heartbeats.noteReceived()
        }
        #expect(!fixture.isSilent)
    }

    @Test func silenceIsNoSignWhereNothingIsRead() {
        let fixture = Fixture()
        defer { fixture.heartbeats.stop() }
        fixture.heartbeats.isPatient = true
        fixture.loop.advanceTime(by: .hours(1))
        #expect(!fixture.isSilent)
        fixture.heartbeats.isPatient = false
        fixture.loop.advanceTime(by: .seconds(2))
        #expect(!fixture.isSilent)
        fixture.loop.advanceTime(by: .seconds(2))
        #expect(fixture.isSilent)
    }

    @Test func afterTheEndThereAreNone() {
        let fixture = Fixture()
        fixture.heartbeats.stop()
        fixture.loop.advanceTime(by: .hours(1))
        #expect(fixture.sentCount == 0)
        #expect(!fixture.isSilent)
    }
}
