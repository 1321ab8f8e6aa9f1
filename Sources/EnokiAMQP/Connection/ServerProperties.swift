import EnokiBroker

/// What the port says of itself in `connection.start`.
enum ServerProperties {
    /// RabbitMQ's extensions that clients look for (<https://www.rabbitmq.com/consumer-cancel.html#capabilities>).
    static let capabilities: Headers = [
        "publisher_confirms": true,
        "exchange_exchange_bindings": true,
        "basic.nack": true,
        "consumer_cancel_notify": true,
        "connection.blocked": true,
        "consumer_priorities": true,
        "authentication_failure_close": true,
        "per_consumer_qos": true,
        "direct_reply_to": true,
    ]

    /// Clients look at product and version to know what they can ask for: these are of the RabbitMQ that the broker behaves
    /// like. kombu, for one, takes any other product for a broker of the old meaning of `basic.qos`.
    static let all: Headers = [
        "capabilities": .table(capabilities),
        "cluster_name": "enoki",
        "copyright": "Licensed under the Apache License, Version 2.0",
        "information": "The in-process broker of Enoki, which behaves like RabbitMQ",
        "platform": "Enoki",
        "product": "RabbitMQ",
        "version": "3.10.8",
    ]
}
