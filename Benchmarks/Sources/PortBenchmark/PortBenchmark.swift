import EnokiAMQP
import EnokiInProcess
import Foundation
import Logging

/// Opens an AMQP port, prints its URI, and serves until standard input ends.
@main
enum PortBenchmark {
    static func main() async throws {
        var logger = Logger(label: "port")
        logger.logLevel = .warning
        try await InProcessBroker(logger: logger).listen(logger: logger) { port in
            try FileHandle.standardOutput.write(contentsOf: Data("\(port.uri())\n".utf8))
            while readLine() != nil {}
        }
    }
}
