import Enoki
import EnokiInProcess
import EnokiRabbitMQ
import Logging

/// `enoki ROW BROKER MESSAGES`: measures one row with the whole framework, on the broker at a URI or `in-process`.
@main
struct Benchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let row = Row(rawValue: arguments[1]), let messages = Int(arguments[3]) else {
            print("usage: enoki publish|drain|rpc-1|rpc-64 URI|in-process MESSAGES")
            return
        }
        var logger = Logger(label: "benchmark")
        logger.logLevel = .warning
        let broker: any Broker =
            arguments[2] == "in-process"
            ? InProcessBroker(logger: logger)
            : RabbitMQBroker(configuration: try RabbitMQConfiguration(uri: arguments[2]), logger: logger)
        print(try await row.measure(messages, on: broker))
    }
}
