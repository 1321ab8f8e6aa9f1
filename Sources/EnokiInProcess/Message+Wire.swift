import EnokiBroker

extension Message {
    /// Refuses what the wire cannot carry, as the transport over the wire does, and keeps of the expiration what the wire
    /// keeps: whole milliseconds.
    mutating func checkForWire(routingKey: String) throws(BrokerError) {
        try VirtualHost.checkLength(of: routingKey, as: "routing key")
        let properties = self.properties
        let strings = [
            ("content type", properties.contentType), ("content encoding", properties.contentEncoding),
            ("correlation id", properties.correlationID), ("reply-to", properties.replyTo),
            ("message id", properties.messageID), ("type", properties.type), ("user id", properties.userID),
            ("app id", properties.appID), ("cluster id", properties.clusterID),
        ]
        for case (let name, let value?) in strings { try VirtualHost.checkLength(of: value, as: name) }
        for header in properties.headers { try VirtualHost.checkLength(of: header.name, as: "name of a header") }
        guard let expiration = properties.expiration else { return }
        let milliseconds = expiration / .milliseconds(1)
        guard milliseconds >= 0, milliseconds <= Double(QueueArguments.greatestTimer) else {
            throw BrokerError(
                .invalidArgument,
                "The expiration of a message is from 0 to \(QueueArguments.greatestTimer) milliseconds; this one has "
                    + "\(expiration)."
            )
        }
        self.properties.expiration = .milliseconds(Int64(milliseconds))
    }
}
