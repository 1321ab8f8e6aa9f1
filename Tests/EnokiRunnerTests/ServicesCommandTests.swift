import EnokiTestSupport
import Testing

/// `services`, as a process of its own.
@Suite struct ServicesCommandTests {
    @Test func listsServicesWithoutABroker() async throws {
        try await RunnerFixture.with(["services", "steady", "brief"], environment: ["AMQP_URI": "amqp://127.0.0.1:1/"])
        { child in
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(
                child.output == """
                    SERVICE  ENTRYPOINT  KIND  CALLED BY    HANDLING
                    steady   ping        RPC   steady.ping  error to the caller
                    brief    work        Once  at start

                    QUEUE             FLAGS    BOUND TO          ROUTING KEY  DECLARED
                    rpc-steady        durable  nameko-rpc        steady.*     at start
                    rpc-steady        durable  enoki.retry       rpc-steady   when needed
                    enoki.lost        durable  enoki.lost                     when needed
                    enoki.retry.1000  durable  enoki.retry.1000               when needed
                    enoki.retry.2000  durable  enoki.retry.2000               when needed
                    enoki.retry.4000  durable  enoki.retry.4000               when needed
                    enoki.retry.8000  durable  enoki.retry.8000               when needed

                    EXCHANGE          TYPE    FLAGS    DECLARED
                    nameko-rpc        topic   durable  at start
                    enoki.lost        fanout  durable  when needed
                    enoki.retry       direct  durable  when needed
                    enoki.retry.1000  fanout  durable  when needed
                    enoki.retry.2000  fanout  durable  when needed
                    enoki.retry.4000  fanout  durable  when needed
                    enoki.retry.8000  fanout  durable  when needed

                    """
            )
        }
    }

    @Test func theListHeedsTheConfiguration() async throws {
        try await RunnerFixture.with(["services", "steady", "-d", "rpc_exchange=other-rpc"]) { child in
            let exit = try await child.ended()
            #expect(exit == .status(0))
            #expect(child.output.contains("rpc-steady        durable  other-rpc         steady.*     at start"))
        }
    }
}
