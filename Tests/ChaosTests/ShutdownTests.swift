import ChaosLedger
import EnokiBroker
import EnokiTestSupport
import Foundation
import Testing

@testable import chaos

/// SIGTERM to real processes on RabbitMQ, in bad moments.
@Suite struct ShutdownTests {
    /// A sink behind a proxy, and a canary that sends it events.
    private func withSink(
        _ settings: [String: String] = [:],
        _ body: (Crew.Member, Canary, RabbitMQVirtualHost, LedgerWatch) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "shutdown-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await RabbitMQVirtualHost.withFresh { host in
            let port = try #require(URLComponents(string: TestEnvironment.amqpURI)?.port)
            let crew = Crew(folder: folder, host: host, port: port, heartbeat: 5)
            let sink = try crew.hire("sink", services: ["sink"], workers: 1, settings)
            do {
                try sink.start()
                try await sink.logs("[sink] started")
                try await Canary.with(host, folder: folder) { canary in
                    try await body(sink, canary, host, LedgerWatch(folder: folder))
                }
            } catch {
                await crew.dismiss()
                throw error
            }
            await crew.dismiss()
        }
    }

    @Test(
        .bug(
            "https://github.com/grpc/grpc-swift-nio-transport/pull/187",
            "gRPC Swift: a shutdown waits for the backoff to pass"
        )
    )
    func aSignalWhileTheConnectionIsMadeAgainEndsTheProcessAtOnce() async throws {
        try await self.withSink { sink, _, _, _ in
            sink.proxy.refuse()
            try await sink.logs("attempt 9 in")
            // Less than the grace period, which nobody needs.
            let process = try #require(try await sink.stop(within: .seconds(20)))
            #expect(process.end?.reason == .status(0))
        }
    }

    @Test func aHandlerEndsBeforeTheProcessThoughTheConnectionIsAway() async throws {
        try await self.withSink { sink, canary, host, watch in
            try await canary.sendEvent(work: 2000)
            try await watch.wait(for: .started, 1, within: .seconds(30))
            sink.proxy.refuse()
            let process = try #require(try await sink.stop())
            try watch.poll()
            #expect(watch.counts[.done] == 1)
            #expect(process.end?.reason == .status(0))
        }
    }

    @Test(
        .bug(
            "https://github.com/ag2ai/faststream/issues/2999",
            "FastStream: a handler that the stop cancels counts as failed, and its message is lost"
        )
    )
    func whatTheGracePeriodCutsShortGoesBackToItsQueue() async throws {
        try await self.withSink(["shutdown_grace": "0.5"]) { sink, canary, host, watch in
            try await canary.sendEvent(work: 600_000)
            try await canary.sendEvent(work: 0)
            try await watch.wait(for: .started, 1, within: .seconds(30))
            let process = try #require(try await sink.stop())
            #expect(process.end?.reason == .status(1))
            try await sink.logs("on_tick was cancelled by the container's stop")
            let lines = try String(contentsOfFile: sink.log, encoding: .utf8).split(separator: "\n")
            let line = lines.first { $0.contains("on_tick was cancelled by the container's stop") }
            try watch.poll()
            #expect(watch.counts[.cancelled] == 1)
            // Both the one in work and the one that waited for its worker.
            try await eventually("both are back", equals: 2) {
                try await host.queues().first { $0.name == "evt-source-tick--sink.on_tick" }?.messagesReady
            }
            // Themselves, and not copies for another attempt.
            let others = try await host.queues().map(\.name)
            #expect(others.allSatisfy { !$0.hasSuffix(".dead") && !$0.hasPrefix("enoki.retry.") })
            let events = Collector<Delivery>()
            let consumer = try await canary.broker.consume("evt-source-tick--sink.on_tick") { events.append($0) }
            let both = try await events.first(2)
            #expect(both.allSatisfy { $0.message.properties.headers["x-enoki-attempts"] == nil })
            let ids = both.compactMap(\.message.properties.messageID)
            #expect(ids.contains { line?.contains("message_id=\($0)") == true }, "\(ids) \(line ?? "")")
            await consumer.close()
        }
    }

    @Test(
        .bug(
            "https://github.com/celery/celery/issues/1628",
            "celery: what a killed worker had in hand is acknowledged"
        ),
        .bug(
            "https://github.com/JasperFx/wolverine/issues/4162",
            "Wolverine: what a killed process had in hand is lost"
        )
    )
    func whatAKilledProcessHadInHandIsHandledByTheNext() async throws {
        try await self.withSink { sink, canary, _, watch in
            // Long enough that it is killed before it is done, though all may stand still for a moment.
            try await canary.sendEvent(work: 10_000)
            try await watch.wait(for: .started, 1, within: .seconds(30))
            let process = try #require(try await sink.kill())
            #expect(process.end?.reason == .signal(SIGKILL))
            try sink.start()
            try await watch.wait(for: .done, 1, within: .seconds(60))
            #expect(watch.counts[.started] == 2)
        }
    }

    @Test(
        .bug(
            "https://github.com/rebus-org/Rebus/issues/1083",
            "Rebus: what was prefetched is stuck when the process stops"
        )
    )
    func whatWaitsForAWorkerIsReturnedAndNotBegun() async throws {
        try await self.withSink { sink, canary, host, watch in
            // Long enough that the signal is heeded before the first is done; the grace period is longer.
            for _ in 0..<2 { try await canary.sendEvent(work: 10_000) }
            try await watch.wait(for: .started, 1, within: .seconds(30))
            let process = try #require(try await sink.stop())
            #expect(process.end?.reason == .status(0))
            try watch.poll()
            #expect(watch.counts[.started] == 1)
            #expect(watch.counts[.done] == 1)
            try await eventually("the other is back", equals: 1) {
                try await host.queues().first { $0.name == "evt-source-tick--sink.on_tick" }?.messagesReady
            }
        }
    }
}
