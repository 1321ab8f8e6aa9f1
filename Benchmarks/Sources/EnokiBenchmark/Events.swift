import Enoki

func publishEvents(_ messages: Int, on broker: any Broker) async throws -> String {
    let source = Source()
    return try await withServices([source], on: broker) { host in
        let sink = try ServiceContainer(Sink(progress: Progress(warm: 0, measured: 0)), host: host)
        let queue = try await declareEmptyQueue(of: sink, on: broker)
        try await source.dispatch(messages / 10)
        let span = Span()
        try await source.dispatch(messages)
        let report = span.report(messages)
        try await broker.delete(queue: queue)
        return report
    }
}

func drainEvents(_ messages: Int, on broker: any Broker) async throws -> String {
    let source = Source()
    let progress = Progress(warm: messages / 10, measured: messages)
    return try await withServices([source], on: broker) { host in
        let sink = try ServiceContainer(Sink(progress: progress), host: host)
        let queue = try await declareEmptyQueue(of: sink, on: broker)
        try await source.dispatch(messages / 10 + messages)
        return try await withThrowingTaskGroup { group in
            group.addTask { try await sink.run() }
            let report = try await progress.finish().report(messages)
            sink.stop()
            try await group.waitForAll()
            try await broker.delete(queue: queue)
            return report
        }
    }
}

/// Declares the queue of the service's one event handler before that runs; returns the queue's name.
private func declareEmptyQueue(of sink: ServiceContainer, on broker: any Broker) async throws -> String {
    guard let topology = sink.entrypoints.first?.topology, let queue = topology.queues.first else {
        throw WrongAnswer()
    }
    try await broker.delete(queue: queue.name)
    try await broker.declare(topology)
    return queue.name
}

extension Source {
    /// Dispatches `messages` events; returns when all are confirmed.
    fileprivate func dispatch(_ messages: Int) async throws {
        try await withThrowingTaskGroup { group in
            for task in 0..<256 {
                group.addTask {
                    for _ in stride(from: task, to: messages, by: 256) {
                        try await self.events.dispatch(Measured.example)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
