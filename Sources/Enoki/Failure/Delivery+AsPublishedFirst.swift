extension Delivery {
    /// The delivery with exchange, routing key and user of the first time, where it came back to `queue` from a retry.
    ///
    /// The headers of failures count only in a message that came the way of a copy: otherwise whoever may publish an event
    /// could give it another name than the broker has checked, or have it taken for one that kills its processes. In any other
    /// they are taken away.
    ///
    /// - Parameter entrance: The exchange through which copies come back too, see ``FailedMessage/Entrance``.
    func asPublishedFirst(in queue: String, entrance: String? = nil) -> Delivery {
        let cameBack =
            self.exchange.hasSameBytes(as: RetryTopology.returnExchange)
            || (self.exchange.isEmpty && self.routingKey.hasSameBytes(as: queue))
        let headers = self.message.properties.headers
        guard cameBack else {
            let isCopy = entrance.map { self.exchange.hasSameBytes(as: $0) } ?? false
            return isCopy || !headers.contains(where: { FailureHeaders.contains($0.name) })
                ? self : self.withoutFailures
        }
        guard let exchange = FailureHeaders.name(FailureHeaders.exchange, in: headers),
            let routingKey = FailureHeaders.name(FailureHeaders.routingKey, in: headers)
        else { return self }
        var message = self.message
        if let user = FailureHeaders.name(FailureHeaders.userID, in: headers), message.properties.userID == nil {
            message.properties.userID = user
        }
        return self.with(message, exchange: exchange, routingKey: routingKey)
    }

    private var withoutFailures: Delivery {
        var message = self.message
        message.properties.headers.removeAll(where: FailureHeaders.contains)
        return self.with(message, exchange: self.exchange, routingKey: self.routingKey)
    }

    private func with(_ message: Message, exchange: String, routingKey: String) -> Delivery {
        Delivery(
            message: message,
            exchange: exchange,
            routingKey: routingKey,
            redelivered: self.redelivered,
            token: self.token
        )
    }
}
