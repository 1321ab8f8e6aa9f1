import EnokiAMQP
import EnokiBroker
import EnokiRabbitMQ

@testable import EnokiRunner

/// An address is understood or refused, and a refusal does not show the password.
func fuzzURI(_ octets: [UInt8]) {
    let text = String(decoding: octets, as: UTF8.self)
    _ = try? RabbitMQConfiguration(uri: text)
    _ = AMQPAddress(text: text)
    let canary = "hunter2-canary"
    do {
        _ = try RabbitMQConfiguration(uri: "amqp://user:\(canary)@\(text)")
        _ = try RabbitMQConfiguration(uri: text.replacing("password", with: canary))
    } catch {
        guard !"\(error)".contains(canary) else { fatalError("the error shows the password: \(error)") }
    }
}
