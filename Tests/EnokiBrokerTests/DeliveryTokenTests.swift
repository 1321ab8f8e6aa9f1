import EnokiBroker
import Testing

@Suite struct DeliveryTokenTests {
    @Test func onlyTheFirstAnswerCounts() {
        let answers = Locked([Acknowledgement]())
        let token = DeliveryToken { answer in answers.withLock { $0.append(answer) } }
        #expect(token.settle(.reject))
        #expect(!token.settle(.ack))
        #expect(answers.withLock { $0 } == [.reject])
    }

    @Test func oneThatNobodyCanSettleAnyMoreGoesBackToItsQueue() {
        let answers = Locked([Acknowledgement]())
        do { _ = DeliveryToken { answer in answers.withLock { $0.append(answer) } } }
        #expect(answers.withLock { $0 } == [.requeue])
    }

    @Test func oneThatIsSettledIsLeftAlone() {
        let answers = Locked([Acknowledgement]())
        do { DeliveryToken { answer in answers.withLock { $0.append(answer) } }.settle(.ack) }
        #expect(answers.withLock { $0 } == [.ack])
    }

    @Test func ofManyAnswersAtOnceOneCounts() async {
        for _ in 0..<200 {
            let answers = Locked(0)
            let token = DeliveryToken { _ in answers.withLock { $0 += 1 } }
            await withTaskGroup { group in
                for _ in 0..<4 { group.addTask { token.settle(.ack) } }
            }
            #expect(answers.withLock { $0 } == 1)
        }
    }
}
