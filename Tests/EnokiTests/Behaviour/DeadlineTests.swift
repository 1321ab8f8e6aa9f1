import Enoki
import EnokiTestSupport
import EnokiTesting
import Testing

/// No call without a deadline.
@Suite struct DeadlineTests {
    /// Never answers until the gate opens; tells the deadline that it was given.
    private struct Silent: Microservice {
        static let name = "silent"
        let gate: Latch
        let deadlines = Shelf<Duration?>()
        var entrypoints: [any Entrypoint] {
            RPC("wait") {
                deadlines.put(WorkerContext.current?.deadline?.remaining)
                await gate.wait()
            }
        }
    }

    private struct Patient: Microservice {
        static let name = "patient"
        let silent = RPCProxy("silent", timeout: .seconds(5))
        let asked = Latch()
        let mayAsk = Latch()
        var entrypoints: [any Entrypoint] {
            RPC("ask") { try await silent.wait() }
            RPC("ask_later") {
                asked.open()
                await mayAsk.wait()
                try await silent.wait()
            }
            RPC("ask_briefly") { try await silent.timeout(.seconds(2)).wait() }
        }
    }

    @Test(arguments: ["ask", "ask_briefly"]) func aCallEndsAtTheProxysDeadline(_ method: String) async throws {
        let gate = Latch()
        let silent = Silent(gate: gate)
        let limit: Duration = method == "ask" ? .seconds(5) : .seconds(2)
        try await withServices(silent, Patient()) { cluster in
            let asked = cluster.expect(Patient.self, method)
            async let answer: Void = cluster.rpc("patient", timeout: .seconds(60))[method]()
            try await eventually("the callee has the request") { silent.deadlines.elements.count == 1 }
            #expect(silent.deadlines.elements == [limit])
            await cluster.clock.advance(by: limit - .milliseconds(1))
            #expect(cluster.calls.isEmpty)
            await cluster.clock.advance(by: .milliseconds(1))
            let error = try await asked.values()[0].outcome.error
            #expect(error as? RPCTimeout == RPCTimeout(service: "silent", method: "wait", timeout: limit))
            gate.open()
            do {
                try await answer
                Issue.record("the caller got an answer")
            } catch let failure as RemoteError {
                #expect(failure.type == "RPCTimeout")
            }
        }
    }

    @Test func aCallTakesNoLongerThanTheCallThatCausedIt() async throws {
        let gate = Latch()
        let silent = Silent(gate: gate)
        try await withServices(silent, Patient()) { cluster in
            let asked = cluster.expect(Patient.self, "ask")
            // The client gives up after three seconds; the patient's own five no longer matter.
            try await cluster.publish(request: "patient.ask", timeout: 3000)
            try await eventually("the callee has the request") { silent.deadlines.elements.count == 1 }
            #expect(silent.deadlines.elements == [.seconds(3)])
            await cluster.clock.advance(by: .seconds(3))
            let error = try await asked.values()[0].outcome.error
            #expect(error as? RPCTimeout == RPCTimeout(service: "silent", method: "wait", timeout: .seconds(3)))
            gate.open()
        }
    }

    @Test func waitingForAWorkerTakesFromTheCallersTime() async throws {
        let gate = Latch()
        let silent = Silent(gate: gate)
        var settings = ServiceSettings()
        settings.maxWorkers = 1
        try await withServices(silent, settings: settings) { cluster in
            let waited = cluster.expect(Silent.self, "wait", count: 2)
            for _ in 0..<2 { try await cluster.publish(request: "silent.wait", timeout: 3000) }
            try await eventually("the only worker has the first") { silent.deadlines.elements.count == 1 }
            try await eventually("the second is delivered", equals: 0) {
                try await cluster.broker.inspect(queue: "rpc-silent").messageCount
            }
            await cluster.clock.advance(by: .seconds(2))
            gate.open()
            try await waited.values()
            #expect(silent.deadlines.elements == [.seconds(3), .seconds(1)])
        }
    }

    @Test func aCallThatHasNoTimeLeftIsNotMade() async throws {
        let silent = Silent(gate: Latch())
        let patient = Patient()
        try await withServices(silent, patient) { cluster in
            let asked = cluster.expect(Patient.self, "ask_later")
            try await cluster.publish(request: "patient.ask_later", timeout: 3000)
            await patient.asked.wait()
            await cluster.clock.advance(by: .seconds(3))
            patient.mayAsk.open()
            let error = try await asked.values()[0].outcome.error
            #expect(error is RPCTimeout)
            #expect(silent.deadlines.elements.isEmpty)
        }
    }

    @Test func aRequestWhoseCallerWaitsNoLongerIsNotServed() async throws {
        let gate = Latch()
        gate.open()
        let silent = Silent(gate: gate)
        try await withServices(silent) { cluster in
            let served = cluster.expect(Silent.self, "wait")
            for timeout in [-5, 0, 3000] as [Int64] {
                try await cluster.publish(request: "silent.wait", timeout: timeout)
            }
            try await served.values()
            #expect(silent.deadlines.elements == [.seconds(3)])
            try await eventually("no request is left", equals: 0) {
                try await cluster.broker.inspect(queue: "rpc-silent").messageCount
            }
            #expect(cluster.calls.count == 1)
        }
    }

    @Test(arguments: TestBroker.allCases) func aRequestExpiresWithItsDeadline(_ broker: TestBroker) async throws {
        try await broker.withConnections { connect in
            // The queue is there, nobody consumes it.
            try await withServices(Calculator(), connect: connect) { _ in }
            try await withServices(connect: connect) { cluster in
                await #expect(throws: RPCTimeout.self) {
                    let _: Int = try await cluster.rpc("calculator", timeout: .milliseconds(500)).add(a: 1, b: 2)
                }
                // Messages of one publisher keep their order: when the marker is there, so was the request.
                let properties = BasicProperties(contentType: "application/json", messageID: "marker")
                try await cluster.broker.publish(
                    Message("marker", properties: properties),
                    to: "nameko-rpc",
                    routingKey: "calculator.marker"
                )
                try await eventually("the request has expired, the marker is left", equals: 1) {
                    try await cluster.broker.inspect(queue: "rpc-calculator").messageCount
                }
                let requests = Collector<Message>()
                let consumer = try await cluster.broker.consume("rpc-calculator") { delivery in
                    requests.append(delivery.message)
                    delivery.token.settle(.ack)
                }
                #expect(try await requests.first(1).map(\.properties.messageID) == ["marker"])
                await consumer.close()
            }
        }
    }
}

extension Cluster {
    /// Publishes a request without arguments, whose caller waits for so many milliseconds.
    fileprivate func publish(request routingKey: String, timeout: Int64) async throws {
        let headers: Headers = ["enoki.timeout": .int64(timeout)]
        let properties = BasicProperties(contentType: "application/json", headers: headers)
        let request = Message(#"{"args": [], "kwargs": {}}"#, properties: properties)
        try await self.broker.publish(request, to: "nameko-rpc", routingKey: routingKey)
    }
}
