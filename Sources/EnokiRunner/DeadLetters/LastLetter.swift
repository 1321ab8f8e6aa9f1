import EnokiBroker

/// The letter of the consumer that stays while letters are held. It keeps the answer to that letter until the consumer is
/// cancelled: settled earlier, the letter would make room for another.
final class LastLetter: Sendable {
    private struct Answered {
        let token: DeliveryToken
        var answer = Acknowledgement.requeue
    }

    /// More than one only when the connection was lost and the consumer began again.
    private let letters = Locked<[Answered]>([])

    /// The delivery, with a token whose answer is kept.
    func keep(_ delivery: Delivery) -> Delivery {
        let token = delivery.token
        let number = self.letters.withLock { letters in
            letters.append(Answered(token: token))
            return letters.count - 1
        }
        let keeping = DeliveryToken(loss: { token.loss }) { [letters] answer in
            letters.withLock { $0[number].answer = answer }
        }
        return Delivery(
            message: delivery.message,
            exchange: delivery.exchange,
            routingKey: delivery.routingKey,
            redelivered: delivery.redelivered,
            token: keeping
        )
    }

    /// Settles, as was answered; gives back what was not answered.
    func settle() {
        for letter in self.letters.withLock({ $0 }) { letter.token.settle(letter.answer) }
    }
}
