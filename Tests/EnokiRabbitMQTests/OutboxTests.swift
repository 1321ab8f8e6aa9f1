import EnokiBroker
import Testing

@testable import EnokiRabbitMQ

@Suite struct OutboxTests {
    private let deadline = ContinuousClock.now + .seconds(10)

    private func outbox(limit: Int = 1 << 20) -> Outbox {
        Outbox(frameMax: WireLimits.frameMax, limit: limit, waker: Waker())
    }

    private func publication(_ body: String) throws -> Publication {
        try Publication(
            Message(body),
            to: "",
            routingKey: "k",
            mandatory: false,
            deadline: self.deadline,
            maxBodySize: 1 << 20
        ) { _ in }
    }

    private func range(_ result: Outbox.Result) throws -> Range<Outbox.Offset> {
        guard case .accepted(let range) = result else { throw BrokerError(.invalidArgument, "\(result)") }
        return range
    }

    private func taken(_ outbox: Outbox) -> [UInt8] {
        var buffer = OutputBuffer(frameMax: WireLimits.frameMax)
        outbox.take(&buffer)
        return buffer.withUnsent { Array($0) }
    }

    @Test func theHeadersOfAMessageCountForBackPressure() throws {
        var message = Message("x")
        message.properties.headers = ["h": .string(String(repeating: "x", count: 50_000))]
        let publication = try Publication(
            message,
            to: "",
            routingKey: "k",
            mandatory: false,
            deadline: self.deadline,
            maxBodySize: 1
        ) { _ in }
        #expect(publication.estimatedSize > 50_000)
    }

    @Test func whatWasNotTakenCanBeWithdrawn() throws {
        let outbox = self.outbox()
        let expected = self.outbox()
        for body in ["a", "ccc"] {
            _ = expected.append(try self.publication(body), channel: 1, deadline: self.deadline)
        }

        _ = outbox.append(try self.publication("a"), channel: 1, deadline: self.deadline)
        let second = try self.range(outbox.append(try self.publication("bb"), channel: 1, deadline: self.deadline))
        let third = try self.range(outbox.append(try self.publication("ccc"), channel: 1, deadline: self.deadline))
        #expect(third.lowerBound == second.upperBound)
        #expect(outbox.neverTook(second))
        #expect(outbox.withdraw(second))
        #expect(self.taken(outbox) == self.taken(expected))
        // The third has its place now, and was taken.
        #expect(!outbox.withdraw(second))
        #expect(!outbox.neverTook(second))
    }

    @Test func whatWasTakenOrIsUnknownCannotBeWithdrawn() throws {
        let outbox = self.outbox()
        let first = try self.range(outbox.append(.channelOpen, channel: 1))
        _ = self.taken(outbox)
        #expect(!outbox.withdraw(first))
        #expect(!outbox.withdraw(1000..<1010))
        let second = try self.range(outbox.append(.channelOpen, channel: 2))
        #expect(second.lowerBound == first.upperBound)
        #expect(!outbox.withdraw(first.lowerBound..<second.upperBound))
    }

    @Test func messagesAreTurnedAwayAtTheLimitAndMethodsAreNot() throws {
        let outbox = self.outbox(limit: 200)
        var accepted = 0
        while case .accepted = outbox.append(try self.publication("x"), channel: 1, deadline: self.deadline) {
            accepted += 1
        }
        #expect(accepted > 1 && accepted < 10)
        guard case .accepted = outbox.append(.acknowledge(.ack, tag: 1), channel: 1) else {
            Issue.record("an acknowledgement was turned away")
            return
        }
        #expect(!outbox.setInFlight(0))
        _ = self.taken(outbox)
        #expect(!outbox.setInFlight(150))
        #expect(outbox.setInFlight(0))
        #expect(!outbox.setInFlight(0))
        guard case .accepted = outbox.append(try self.publication("x"), channel: 1, deadline: self.deadline) else {
            Issue.record("there is room")
            return
        }
    }

    @Test func aMessageThatCannotBeEncodedLeavesNothingBehind() throws {
        let outbox = Outbox(frameMax: 4096, limit: 1 << 20, waker: Waker())
        let properties = BasicProperties(headers: ["n": .bytes([UInt8](repeating: 0, count: 5000))])
        let large = try Publication(
            Message("", properties: properties),
            to: "",
            routingKey: "k",
            mandatory: false,
            deadline: self.deadline,
            maxBodySize: 10
        ) { _ in }
        guard case .invalid = outbox.append(large, channel: 1, deadline: self.deadline) else {
            Issue.record("encoded beyond the frame")
            return
        }
        #expect(self.taken(outbox).isEmpty)
    }

    @Test func anEarlierDeadlineIsHeardOf() {
        let outbox = self.outbox()
        outbox.watch(self.deadline)
        outbox.append(.channelOpen, channel: 1, deadline: self.deadline - .seconds(1))
        outbox.append(.channelOpen, channel: 1, deadline: self.deadline + .seconds(1))
        #expect(outbox.deadline == self.deadline - .seconds(1))
        outbox.clearDeadline()
        #expect(outbox.deadline == nil)
    }

    @Test func afterTheEndNothingIsAccepted() throws {
        let outbox = self.outbox()
        let range = try self.range(outbox.append(try self.publication("x"), channel: 1, deadline: self.deadline))
        outbox.close()
        #expect(outbox.neverTook(range))
        guard case .closed = outbox.append(.channelOpen, channel: 1) else {
            Issue.record("accepted")
            return
        }
    }
}
