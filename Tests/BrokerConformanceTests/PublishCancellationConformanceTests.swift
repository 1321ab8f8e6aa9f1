import EnokiBroker
import EnokiTestSupport
import Testing

/// What becomes of a message whose publisher's task is cancelled.
@Suite(.timeLimit(.minutes(5))) struct PublishCancellationConformanceTests {
    private static let queue = Queue("q", durable: true)
    private static let patient = PublishOptions(persistent: true, timeout: .seconds(3600))

    /// What a publish throws whose task is cancelled when `isToEnd` is open.
    private func outcome(
        of publish: @escaping @Sendable () async throws -> Void,
        cancelledWhen isToEnd: @escaping @Sendable () async throws -> Void
    ) async throws -> BrokerError? {
        let error = Locked<BrokerError?>(nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await publish() } catch let thrown as BrokerError { error.withLock { $0 = thrown } }
            }
            try await isToEnd()
            group.cancelAll()
            try await group.waitForAll()
        }
        return error.withLock { $0 }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageThatWasSentHasAnUnknownOutcome(on kind: TestBroker) async throws {
        try await UnconfirmingBroker.with(kind, losingConfirms: 1) { unconfirming in
            let broker = unconfirming.broker
            try await broker.declare(Topology(queues: [Self.queue]))
            let error = try await self.outcome {
                try await broker.publish(Message("x"), to: "", routingKey: "q", options: Self.patient)
            } cancelledWhen: {
                try await broker.expectReady(1, in: Self.queue.name)
                try await eventually("its confirm is lost") { unconfirming.lost() == 1 }
            }
            #expect(error?.code == .outcomeUnknown && error?.publishOutcome == .unknown)
            // Others are confirmed, and nothing is sent again.
            try await broker.publish(Message("y"), to: "", routingKey: "q")
            try await broker.expectReady(2, in: Self.queue.name)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aTaskThatIsCancelledAlreadyPublishesNothing(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Self.queue]))
            let error = try await self.outcome {
                while !Task.isCancelled { await Task.yield() }
                try await broker.publish(Message("x"), to: "", routingKey: "q")
            } cancelledWhen: {
            }
            #expect(error?.code == .notSent && error?.publishOutcome == .notPublished)
            #expect(try await broker.inspect(queue: "q").messageCount == 0)
        }
    }
}
