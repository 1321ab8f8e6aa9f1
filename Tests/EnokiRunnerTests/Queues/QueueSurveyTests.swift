import Enoki
import EnokiInProcess
import EnokiTestSupport
import Testing

@testable import EnokiRunner

@Suite struct QueueSurveyTests {
    private struct Mailer: Microservice {
        static let name = "mailer"
        var entrypoints: [any Entrypoint] {
            RPC("status") { "well" }
            EventHandler("send", of: "orders", "placed") {}
            EventHandler("reload", of: "orders", "priced", mode: .broadcast(.fixed("north"))) {}
        }
    }

    private static let placed = "evt-orders-placed--mailer.send"

    private func survey(_ queues: [QueueState], _ bindings: [BindingState] = []) throws -> QueueSurvey {
        let broker = InProcessBroker(logger: TestBroker.silent)
        let host = try ServiceHost(broker: broker, services: [Mailer()], logger: TestBroker.silent)
        return QueueSurvey(of: ServiceQueues(of: host), queues: queues, bindings: bindings)
    }

    @Test func everyDeclaredQueueIsThereWithItsNumbersOrIsMissing() throws {
        let survey = try self.survey([
            QueueState(name: "rpc-mailer", ready: 3, unacknowledged: 2, consumers: 1),
            QueueState(name: "\(Self.placed).dead", ready: 7, consumers: 0),
            QueueState(name: "another", ready: 1),
        ])
        #expect(
            survey.entries.map { "\($0.name) \($0.state?.messages ?? -1) \($0)" } == [
                "rpc-mailer 5 ", "\(Self.placed) -1 not there yet", "\(Self.placed).dead 7 ",
                "evt-orders-priced--mailer.reload-north -1 not there yet",
            ]
        )
        #expect(survey.orphans.isEmpty)
    }

    @Test func aQueueOfTheServicesThatNoHandlerDeclaresIsLeftBehind() throws {
        let survey = try self.survey(
            [
                QueueState(name: Self.placed, consumers: 1),
                QueueState(name: "evt-orders-placed--mailer.mail", ready: 5),
            ],
            [
                BindingState(source: "", destination: "evt-orders-placed--mailer.mail", destinationType: "queue"),
                BindingState(
                    source: "orders.events",
                    destination: "evt-orders-placed--mailer.mail",
                    destinationType: "queue"
                ),
                BindingState(
                    source: "other",
                    destination: "evt-orders-placed--mailer.mail",
                    destinationType: "exchange"
                ),
            ]
        )
        #expect(survey.orphans.map(\.name) == ["evt-orders-placed--mailer.mail"])
        #expect(survey.orphans.first?.orphanedBy == ["orders.events"])
        #expect(survey.orphans.first?.description.contains("it still gets what orders.events has for it") == true)
    }

    @Test(arguments: [
        // In use, perhaps by the older version in a rolling deploy.
        QueueState(name: "evt-orders-placed--mailer.mail", consumers: 1),
        // Goes by itself.
        QueueState(name: "evt-orders-placed--mailer.mail", arguments: .init(expires: 60_000)),
        QueueState(name: "evt-orders-placed--mailer.mail", autoDelete: true),
        QueueState(name: "evt-orders-placed--mailer.mail", exclusive: true),
        // Another instance's, which is not running.
        QueueState(name: "evt-orders-priced--mailer.reload-south"),
        // Somebody else's.
        QueueState(name: "evt-orders-placed--billing.charge"), QueueState(name: "rpc-billing"),
        QueueState(name: "mailer.mail"),
        // No letters are in there.
        QueueState(name: "evt-orders-placed--mailer.mail.dead"),
    ])
    func whatIsUsedOrGoesOrIsAnothersIsNot(_ queue: QueueState) throws {
        #expect(try self.survey([queue]).orphans.isEmpty)
    }

    @Test func deadLettersOfAHandlerThatIsGoneAreLeftBehind() throws {
        let survey = try self.survey([QueueState(name: "evt-orders-placed--mailer.mail.dead", ready: 1)])
        #expect(survey.orphans.map(\.orphanedBy) == [[]])
    }
}
