import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct PublishConformanceTests {
    @Test(arguments: TestBroker.allCases)
    func aMandatoryMessageThatIsRoutedNowhereComesBack(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic)]))
            let options = PublishOptions(mandatory: true)
            for exchange in ["e", ""] {
                let error = await expectError(.unroutable) {
                    try await broker.publish(Message("x"), to: exchange, routingKey: "nowhere", options: options)
                }
                #expect(error?.message.contains("NO_ROUTE") == true)
                #expect(error?.message.contains("312") == true)
                #expect(error?.publishOutcome == .notPublished)
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aMessageThatIsNotMandatoryIsDroppedInSilence(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(exchanges: [Exchange("e", .topic)]))
            try await broker.publish(Message("x"), to: "e", routingKey: "nowhere")
            try await broker.publish(Message("x"), to: "", routingKey: "nowhere")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func publishingToAMissingExchangeIsAnErrorAndNothingElseSuffers(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let error = await expectError(.notFound) {
                try await broker.publish(Message("x"), to: "none", routingKey: "q")
            }
            #expect(error?.message.contains("NOT_FOUND - no exchange 'none' in vhost '") == true)
            try await broker.send("y", to: "q")
            try await broker.expectContents(["y"], of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func aConfirmedMessageIsInAllItsQueues(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            let queues = (0..<20).map { Queue("q\($0)") }
            let bindings = queues.map { Binding(from: "e", toQueue: $0.name) }
            try await broker.declare(
                Topology(exchanges: [Exchange("e", .fanout)], queues: queues, bindings: bindings)
            )
            for round in 1...5 {
                try await broker.publish(Message("x"), to: "e", routingKey: "")
                for queue in queues { #expect(try await broker.inspect(queue: queue.name).messageCount == round) }
            }
        }
    }

    @Test(arguments: TestBroker.allCases)
    func messagesOfOneTaskStayInOrderWhileManyAreUnconfirmed(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let results = Collector<Result<Void, BrokerError>>()
            for number in 0..<500 {
                let options = PublishOptions(mandatory: true)
                broker.publish(Message("\(number)"), to: "", routingKey: "q", options: options) { results.append($0) }
            }
            for result in try await results.first(500) { try result.get() }
            try await broker.expectContents((0..<500).map(String.init), of: "q")
        }
    }

    @Test(arguments: TestBroker.allCases)
    func eachPublishGetsItsOwnOutcome(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let outcomes = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
                for number in 0..<100 {
                    group.addTask {
                        do {
                            let queue = number.isMultiple(of: 3) ? "nowhere" : "q"
                            try await broker.send("\(number)", to: queue)
                            return (number, true)
                        } catch let error as BrokerError where error.code == .unroutable {
                            return (number, false)
                        }
                    }
                }
                return try await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
            }
            #expect(outcomes == Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, !$0.isMultiple(of: 3)) }))
            #expect(try await broker.inspect(queue: "q").messageCount == 66)
        }
    }

    @Test(arguments: TestBroker.allCases)
    func whatTheWireCannotCarryIsRefusedBeforeItIsSent(on kind: TestBroker) async throws {
        try await kind.withBroker { broker in
            try await broker.declare(Topology(queues: [Queue("q")]))
            let long = String(repeating: "x", count: 256)
            let unsendable: [BasicProperties] = [
                BasicProperties(contentType: long), BasicProperties(contentEncoding: long),
                BasicProperties(correlationID: long), BasicProperties(replyTo: long), BasicProperties(messageID: long),
                BasicProperties(type: long), BasicProperties(userID: long), BasicProperties(appID: long),
                BasicProperties(clusterID: long), BasicProperties(headers: [long: 1]),
                BasicProperties(expiration: .seconds(-1)),
            ]
            for properties in unsendable {
                await expectError(.invalidArgument) {
                    try await broker.publish(Message("x", properties: properties), to: "", routingKey: "q")
                }
            }
            #expect(broker.status == .connected)
            #expect(try await broker.inspect(queue: "q").messageCount == 0)
        }
    }
}
