import EnokiBroker
import Testing

@testable import EnokiRabbitMQ

@Suite struct DeclaringRoundTests {
    private final class Watcher {}
    private let watcher = Watcher()

    /// A round that looks for one queue and declares `count` more.
    private func round(declaring count: Int) -> DeclaringRound {
        let questions = [DeclaringRound.Question(method: .queueInspect("q"), checks: ObjectIdentifier(self.watcher))]
        return DeclaringRound(
            number: 1,
            questions + (0..<count).map { DeclaringRound.Question(method: .queueDeclare(Queue("\($0)"))) }
        )
    }

    @Test func everythingIsAskedForOnceInPortions() {
        let round = self.round(declaring: 250)
        var sizes: [Int] = []
        while let questions = round.next() { sizes.append(questions.count) }
        #expect(sizes == [100, 100, 51])
    }

    @Test(arguments: [BrokerError.Code.timedOut, .connectionLost, .closed])
    func nothingMoreIsAskedOfABrokerThatAnswersNoMore(code: BrokerError.Code) throws {
        let round = self.round(declaring: 250)
        let question = try #require(round.next()?.last)
        round.note(BrokerError(code, "gone"), for: question)
        #expect(round.next()?.count == nil)
        #expect(round.findings.failures.map(\.code) == [code])
    }

    /// An exclusive queue that another connection holds goes with that connection, perhaps before it is declared anew.
    @Test(arguments: [BrokerError.Code.notFound, .resourceLocked])
    func aQueueThatIsGoneOrAnothersIsLost(code: BrokerError.Code) throws {
        let round = self.round(declaring: 1)
        let question = try #require(round.next()?.first)
        round.note(BrokerError(code, "no queue"), for: question)
        #expect(round.findings.lost == [ObjectIdentifier(self.watcher)])
        #expect(round.findings.failures.isEmpty)
    }
}
