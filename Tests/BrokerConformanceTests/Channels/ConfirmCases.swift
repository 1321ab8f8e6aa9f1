import EnokiBroker
import EnokiTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConfirmCases {
    @Test func publicationsAreNumberedFromOneOnEachChannel() async throws {
        try await conform { session in
            for _ in 1...2 {
                let channel = try await session.channel()
                try await channel.declare(Queue("q"))
                try await channel.call(.confirmSelect)
                try await channel.publish("1", "2", "3", key: "q")
                #expect(try await channel.confirms() == [])
            }
            #expect(try await session.contents(of: "q", count: 6) == ["1", "2", "3", "1", "2", "3"])
        }
    }

    @Test func whatWasPublishedBeforeIsNotNumbered() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.queue(Queue("q"), holding: "1", "2")
            try await channel.call(.confirmSelect)
            try await channel.publish("3", key: "q")
            #expect(try await channel.confirms() == [])
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func selectingTwiceChangesNothing() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            try await channel.publish("1", key: "q")
            #expect(try await channel.confirms() == [])
            try await channel.call(.confirmSelect)
            try await channel.publish("2", key: "q")
            #expect(try await channel.confirms() == [])
        }
    }

    @Test func whatReachesNoQueueIsConfirmed() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .direct))
            try await channel.call(.confirmSelect)
            try await channel.publish("1", to: "x", key: "nowhere")
            try await channel.publish("2", key: "nowhere")
            #expect(try await channel.confirms() == [])
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func aReturnComesBeforeItsConfirm() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.call(.confirmSelect)
            try await channel.publish("1", key: "nowhere", mandatory: true)
            guard case .returned(let value) = try await channel.next() else {
                Issue.record("The first event is the return.")
                return
            }
            #expect(value.code == 312 && value.text == "NO_ROUTE" && value.routingKey == "nowhere")
            guard case .acked(1, _) = try await channel.next() else {
                Issue.record("The second event is the confirm.")
                return
            }
        }
    }

    @Test func aMandatoryMessageThatIsRoutedDoesNotReturn() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            try await channel.publish("1", key: "q", mandatory: true)
            #expect(try await channel.confirms() == [])
            #expect(try await channel.leftovers().isEmpty)
        }
    }

    @Test func aMessageForManyQueuesIsConfirmedOnce() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Exchange("x", .fanout))
            for queue in ["one", "two", "three"] {
                try await channel.declare(Queue(queue))
                try await channel.bind(queue, to: "x")
            }
            try await channel.call(.confirmSelect)
            try await channel.publish("1", "2", to: "x", key: "")
            #expect(try await channel.confirms() == [])
            #expect(try await channel.leftovers().isEmpty)
            for queue in ["one", "two", "three"] {
                #expect(try await session.contents(of: queue, count: 2) == ["1", "2"])
            }
        }
    }

    @Test func aConfirmedMessageIsInItsQueue() async throws {
        try await conform { session in
            let channel = try await session.channel()
            try await channel.declare(Queue("q"))
            try await channel.call(.confirmSelect)
            let properties = BasicProperties(deliveryMode: .persistent)
            try await channel.publish(Message("1", properties: properties), key: "q")
            #expect(try await channel.confirms() == [])
            #expect(try await channel.declare(Queue("q"), passive: true).messageCount == 1)
        }
    }

    @Test func confirmsAndTransactionsExcludeEachOther() async throws {
        try await conform { session in
            let confirming = try await session.channel()
            try await confirming.call(.confirmSelect)
            let toTx = "channel 406 PRECONDITION_FAILED - cannot switch from confirm to tx mode"
            #expect(try await confirming.refusal(of: .txSelect) == toTx)
            let transactional = try await session.channel()
            try await transactional.call(.txSelect)
            let toConfirm = "channel 406 PRECONDITION_FAILED - cannot switch from tx to confirm mode"
            #expect(try await transactional.refusal(of: .confirmSelect) == toConfirm)
        }
    }
}
