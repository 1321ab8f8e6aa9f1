import Enoki

/// Dispatches the events.
struct Source: Microservice {
    static let name = Measured.source

    let events = EventDispatcher()

    var entrypoints: [any Entrypoint] { [] }
}

/// Handles the events.
struct Sink: Microservice {
    static let name = "sink"

    let progress: Progress

    var entrypoints: [any Entrypoint] {
        EventHandler("on_measured", self.onMeasured)
    }

    func onMeasured(_ event: Measured) async throws {
        guard event.id == Measured.example.id else { throw WrongAnswer() }
        self.progress.step()
    }
}

/// Answers the calls.
struct Calculator: Microservice {
    static let name = Add.service

    var entrypoints: [any Entrypoint] {
        RPC(self.add)
    }

    func add(_ request: Add) async throws -> Sum { Sum(sum: request.left + request.right) }
}

/// Makes the calls.
struct Caller: Microservice {
    static let name = "caller"

    let calculator = RPCProxy(Add.service)

    var entrypoints: [any Entrypoint] { [] }
}

/// A measurement of something that does not work is none.
struct WrongAnswer: Error {}
