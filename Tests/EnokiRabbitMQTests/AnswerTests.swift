import Testing

@testable import EnokiRabbitMQ

@Suite(.timeLimit(.minutes(1))) struct AnswerTests {
    @Test func itIsTheSameBeforeAndAfterSomebodyWaits() async {
        let early = Answer<Int>()
        early.tell(1)
        early.tell(2)
        #expect(await early.value() == 1)
        let late = Answer<Int>()
        async let value = late.value()
        await Task.yield()
        late.tell(3)
        #expect(await value == 3)
    }

    @Test func aTaskThatIsCancelledWaitsNoLonger() async {
        let answer = Answer<Int>()
        await withTaskGroup(of: Int?.self) { group in
            group.addTask { await answer.value() }
            group.cancelAll()
            #expect(await group.next() == .some(nil))
        }
        // Nobody hears of it.
        answer.tell(1)
    }
}
