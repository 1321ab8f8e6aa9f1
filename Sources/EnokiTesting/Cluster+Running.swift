import Enoki

extension Cluster {
    private enum Ending { case host, quiet, outOfPatience, other }

    /// Runs the services and, when they have started, `body`; then stops them.
    func run<Value: Sendable>(_ body: (Cluster) async throws -> Value) async throws -> Value {
        try await withTaskGroup(of: Ending.self) { group in
            let hosts = self.hosts + [self.client]
            for host in hosts {
                group.addTask {
                    do {
                        try await host.run()
                    } catch {
                        self.fail(error)
                    }
                    return .host
                }
            }
            group.addTask {
                for host in hosts { try? await host.waitUntilStarted() }
                self.ready.open()
                return .other
            }
            if !(await Patience.wait(for: self.ready, atMost: self.startPatience)) { self.fail(self.notStarted) }
            let result = await self.result(of: body)
            for host in hosts { host.stop() }
            self.startWaiting(self.patience, in: &group)
            if self.site.inProcess != nil {
                group.addTask {
                    await self.clock.advance(by: .zero)
                    return .quiet
                }
            }
            var running = hosts.count
            var waited = self.patience
            while running > 0, let ending = await group.next() {
                switch ending {
                case .host: running -= 1
                // What is still on its way, such as a confirm that a fault has delayed or lost, waits for time alone.
                case .quiet where !hosts.contains { $0.runningCalls > 0 }:
                    group.addTask {
                        await self.clock.advance(by: Self.longestPublish)
                        return .other
                    }
                case .outOfPatience where waited > self.patience || hosts.contains { $0.runningCalls > 0 }:
                    self.fail(await self.stillRunning(after: waited))
                    // Cancelled, the services kill their calls and give the messages back.
                    group.cancelAll()
                case .outOfPatience:
                    waited += self.startPatience
                    self.startWaiting(self.startPatience, in: &group)
                case .quiet, .other: break
                }
            }
            group.cancelAll()
            return self.failure.withLock { $0 }.map { .failure($0) } ?? result
        }
        .get()
    }

    /// Longer than any publish of the framework may take.
    private static let longestPublish = Duration.seconds(120)

    private func startWaiting(_ patience: Duration, in group: inout TaskGroup<Ending>) {
        group.addTask {
            try? await ContinuousClock().sleep(for: patience)
            return .outOfPatience
        }
    }

    /// Little patience is for what a test expects not to come; its services do start, and stop, on a busy machine too.
    private var startPatience: Duration { max(self.patience, Self.leastStartPatience) }

    /// Less is for tests of that patience itself.
    @TaskLocal static var leastStartPatience = Duration.seconds(10)

    private var notStarted: ExpectationError {
        ExpectationError(
            "the services did not start within \(self.startPatience): a `setup` may wait for something that the test must give it, "
                + "such as time, or the broker cannot be reached"
        )
    }

    private func stillRunning(after time: Duration) async -> ExpectationError {
        ExpectationError(
            "at the end of the test the services did not stop within \(time): a call is still running, which may "
                + "wait for something that the test must give it, such as time; it was cancelled\n\n"
                + (await self.report())
        )
    }

    private func result<Value>(of body: (Cluster) async throws -> Value) async -> Result<Value, any Error> {
        do {
            if let error = self.failure.withLock({ $0 }) { throw error }
            return .success(try await body(self))
        } catch {
            return .failure(error)
        }
    }

    private func fail(_ error: any Error) {
        guard !(error is CancellationError) else { return }
        self.failure.withLock { $0 = $0 ?? error }
        self.ready.open()
        self.recorder.fail(error)
    }
}
