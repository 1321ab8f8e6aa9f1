import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

@Suite struct RPCTests {
    @Test(arguments: TestBroker.allCases) func callsByNameWithArgumentsByPositionAndByName(_ broker: TestBroker)
        async throws
    {
        try await withServices(Calculator(), on: broker) { cluster in
            let calculator = cluster.rpc("calculator")
            let byName: Int = try await calculator.add(a: 1, b: 2)
            let byPosition: Int = try await calculator.add(1, 2)
            let mixed: Int = try await calculator.add(1, b: 2)
            #expect([byName, byPosition, mixed] == [3, 3, 3])
            let greeting: String = try await calculator.greet(name: "Ada")
            #expect(greeting == "Ada")
            let lady: String = try await calculator["greet"]("Ada", title: "Lady")
            #expect(lady == "Lady Ada")
        }
    }

    @Test(arguments: TestBroker.allCases) func callsByContract(_ broker: TestBroker) async throws {
        try await withServices(Calculator(), on: broker) { cluster in
            let square = try await cluster.rpc("calculator")(Square(number: 12))
            #expect(square == 144)
        }
    }

    @Test(arguments: TestBroker.allCases) func aMethodThatReturnsNothingReturns(_ broker: TestBroker) async throws {
        try await withServices(Calculator(), on: broker) { cluster in
            try await cluster.rpc("calculator").nothing()
            let nothing: Int? = try await cluster.rpc("calculator").nothing()
            #expect(nothing == nil)
        }
    }

    @Test(arguments: TestBroker.allCases) func manyCallsAreInFlightAtOnceOnOneReplyQueue(_ broker: TestBroker)
        async throws
    {
        try await withServices(Calculator(), on: broker) { cluster in
            let calculator = cluster.rpc("calculator")
            let sums = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for number in 0..<200 { group.addTask { (number, try await calculator.add(a: number, b: number)) } }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(sums.count == 200)
            #expect(sums.allSatisfy { $0.value == 2 * $0.key })

            async let one: Int = calculator.add(a: 1, b: 0)
            async let two: Int = calculator.add(a: 1, b: 1)
            #expect(try await [one, two] == [1, 2])
        }
    }

    /// Answers when the test wants, and hears of what it has answered.
    private struct Oracle: Microservice {
        static let name = "oracle"
        let asked = Shelf<Int>()
        let heard = Shelf<Int>()
        let gate = Latch()

        var entrypoints: [any Entrypoint] {
            RPC("answer", "number") { @concurrent (number: Int) -> Int in
                asked.put(number)
                await gate.wait()
                return 2 * number
            }
            EventHandler("on_told") { (event: Told) in heard.put(event.answer) }
        }
    }

    private struct Told: Event {
        static let source = "priest"
        static let type = "told"
        var answer: Int
    }

    /// Asks the oracle, says what it was told, and answers.
    private struct Priest: Microservice {
        static let name = "priest"
        let oracle = RPCProxy("oracle")
        let events = EventDispatcher()

        var entrypoints: [any Entrypoint] {
            RPC("ask", "number") { @concurrent (number: Int) -> Int in
                let answer: Int = try await oracle.answer(number: number)
                try await events.dispatch(Told(answer: answer))
                return answer
            }
        }
    }

    @Test(
        .bug(
            "https://github.com/nameko/nameko/issues/428",
            "nameko: workers that all wait for replies, and more requests than workers, are a deadlock"
        ),
        arguments: TestBroker.allCases
    )
    func workersThatAllWaitForRepliesGetThem(_ broker: TestBroker) async throws {
        let oracle = Oracle()
        try await broker.withConnections { connect in
            var settings = ServiceSettings()
            settings.maxWorkers = 2
            let host = try ServiceHost(
                broker: connect(),
                services: [Priest()],
                settings: settings,
                logger: TestBroker.silent
            )
            try await withServices(oracle, connect: connect) { cluster in
                try await withThrowingTaskGroup(of: Int?.self) { group in
                    group.addTask {
                        try await host.run()
                        return nil
                    }
                    try await host.waitUntilStarted()
                    for number in 0..<8 { group.addTask { try await cluster.rpc("priest").ask(number: number) } }
                    try await eventually("both workers wait, and more requests for them") {
                        let status = try await cluster.broker.inspect(queue: "rpc-priest")
                        return oracle.asked.elements.count == 2 && status.messageCount == 8 - 4
                    }
                    oracle.gate.open()
                    var answers: Set<Int> = []
                    while answers.count < 8, case .some(let answer?) = try await group.next() { answers.insert(answer) }
                    #expect(answers == Set((0..<8).map { 2 * $0 }))
                    host.stop()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test(
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/3985",
            "MassTransit: the replies stop before those who wait for them"
        ),
        .bug(
            "https://github.com/MassTransit/MassTransit/issues/1192",
            "MassTransit: a request in work is not answered when its process stops"
        ),
        .bug(
            "https://github.com/rebus-org/Rebus/issues/1101",
            "Rebus: a handler cannot publish any more once its process stops"
        ),
        arguments: TestBroker.allCases
    )
    func aCallThatWaitsForAReplyWhileItsHostStopsGetsItAndIsAnswered(_ broker: TestBroker) async throws {
        let oracle = Oracle()
        try await broker.withConnections { connect in
            let host = try ServiceHost(broker: connect(), services: [Priest()], logger: TestBroker.silent)
            try await withServices(oracle, connect: connect) { cluster in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await host.run() }
                    try await host.waitUntilStarted()
                    async let answer: Int = cluster.rpc("priest").ask(number: 21)
                    try await eventually("the oracle is asked") { oracle.asked.elements == [21] }
                    host.stop()
                    try await eventually("no more requests are taken") {
                        try await cluster.broker.inspect(queue: "rpc-priest").consumerCount == 0
                    }
                    oracle.gate.open()
                    #expect(try await answer == 42)
                    try await group.waitForAll()
                }
                // What it published on its way reached its queue too.
                try await eventually("the event is handled", equals: [42]) { oracle.heard.elements }
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func aRemoteErrorHasNameAndArguments(_ broker: TestBroker) async throws {
        try await withServices(Calculator(), on: broker) { cluster in
            let error = await #expect(throws: RemoteError.self) { try await cluster.rpc("calculator").boom() }
            #expect(error?.type == "Boom")
            #expect(error?.value.contains("on purpose") == true)
        }
    }

    @Test(arguments: TestBroker.allCases) func anErrorThatTheCallerKnowsArrivesAsItself(_ broker: TestBroker)
        async throws
    {
        try await withServices(Calculator(), on: broker) { cluster in
            let knowing = cluster.rpc("calculator", errors: [DivisionByZero.self])
            await #expect(throws: DivisionByZero(dividend: 7)) {
                let _: Int = try await knowing.divide(a: 7, b: 0)
            }
            let error = await #expect(throws: RemoteError.self) {
                let _: Int = try await cluster.rpc("calculator").divide(a: 7, b: 0)
            }
            #expect(error?.path == "calculator.DivisionByZero")
            #expect(error?.exceptionArguments == ["7"])
        }
    }

    @Test(arguments: TestBroker.allCases) func anUnknownServiceIsToldWithoutWaiting(_ broker: TestBroker) async throws {
        try await withServices(on: broker) { cluster in
            // The deadline is far away: only the broker's return can end the call.
            await #expect(throws: UnknownService("nobody")) {
                try await cluster.rpc("nobody", timeout: .seconds(3600)).hello()
            }
        }
    }

    @Test(arguments: TestBroker.allCases) func wrongRequestsAreAnsweredAndKillNothing(_ broker: TestBroker) async throws
    {
        try await withServices(Calculator(), on: broker) { cluster in
            let calculator = cluster.rpc("calculator")
            await #expect(throws: MethodNotFound("subtract")) { try await calculator.subtract(a: 1, b: 2) }
            await #expect(throws: IncorrectSignature("add() missing 1 required argument: 'b'")) {
                let _: Int = try await calculator.add(a: 1)
            }
            await #expect(throws: IncorrectSignature("add() got an unexpected keyword argument 'c'")) {
                let _: Int = try await calculator.add(a: 1, b: 2, c: 3)
            }
            await #expect(throws: IncorrectSignature("add() 'b': expected Int, found a string")) {
                let _: Int = try await calculator.add(a: 1, b: "two")
            }
            let unserializable = await #expect(throws: RemoteError.self) {
                let _: Double = try await calculator.not_a_number()
            }
            #expect(unserializable?.type == "UnserializableValueError")
            #expect(unserializable?.path == "nameko.exceptions.UnserializableValueError")
            let sum: Int = try await calculator.add(a: 1, b: 2)
            #expect(sum == 3)
        }
    }

    @Test(arguments: TestBroker.allCases) func aLargeResultArrivesWhole(_ broker: TestBroker) async throws {
        try await withServices(Calculator(), on: broker) { cluster in
            let text: String = try await cluster.rpc("calculator").large(size: 2_000_000)
            #expect(text.utf8.count == 2_000_000)
        }
    }

    @Test func aResultOfAnotherTypeIsAnErrorOfDecoding() async throws {
        try await withServices(Calculator()) { cluster in
            await #expect(throws: DecodingError.self) {
                let _: [String] = try await cluster.rpc("calculator").add(a: 1, b: 2)
            }
        }
    }

    @Test func aContractOfAnotherServiceIsRefused() async throws {
        try await withServices(Calculator()) { cluster in
            await #expect(throws: ConfigurationError.self) { try await cluster.rpc("payments")(Square(number: 1)) }
        }
    }

    @Test func aProxyOutsideOfAContainerSaysSo() async throws {
        await #expect(throws: ConfigurationError.self) { try await RPCProxy("calculator").add(a: 1, b: 2) as Int }
    }

    @Test(arguments: TestBroker.allCases) func aCancelledCallerStopsWaiting(_ broker: TestBroker) async throws {
        let service = Slow()
        try await withServices(service, on: broker) { cluster in
            let slow = cluster.rpc("slow", timeout: .seconds(3600))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await slow.wait_for_gate() }
                }
                await service.entered.wait()
                group.cancelAll()
            }
            service.gate.open()
        }
    }
}

/// A service whose method returns when the test lets it.
private struct Slow: Microservice {
    static let name = "slow"
    let entered = Latch()
    let gate = Latch()

    var entrypoints: [any Entrypoint] {
        RPC("wait_for_gate") {
            entered.open()
            await gate.wait()
        }
    }
}
