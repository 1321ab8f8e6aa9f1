import EnokiBroker
import EnokiInProcess

/// `scaling`: how the cost of a message in the in-process broker grows with what else is there. Prints a table: CPU per
/// message, in microseconds, with little and with much.
@main
struct Scaling {
    static func main() async throws {
        print("| what grows | to | CPU µs, with one | CPU µs, with all | ratio |")
        print("|---|---:|---:|---:|---:|")
        try await self.compare("queues", 10_000, Workload.queues)
        try await self.compare("bindings of one topic exchange", 10_000, Workload.bindings)
        try await self.compare("messages in one queue", 1_000_000, Workload.backlog)
        try await self.compare("consumers of one queue", 1000, Workload.consumers)
        try await self.compare("connections, each with a queue and a consumer", 1000, Workload.connections)
    }

    /// Measures with one and with `count`, in turns, and prints the medians of five.
    private static func compare(
        _ what: String,
        _ count: Int,
        _ workload: (Int) async throws -> Double
    ) async throws {
        var few: [Double] = []
        var many: [Double] = []
        for _ in 0..<5 {
            few.append(try await workload(1))
            many.append(try await workload(count))
        }
        let (one, all) = (few.sorted()[2], many.sorted()[2])
        func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
        print("| \(what) | \(count) | \(rounded(one)) | \(rounded(all)) | \(rounded(all / one)) |")
    }
}
