import ChaosLedger
import Foundation

/// When a process saw that it had lost a connection, as its log says.
enum LossLog {
    /// A line of a log that tells of a loss.
    struct Loss: Hashable, Sendable {
        let kind: ConnectionRecord.Kind
        let time: Instant
    }

    /// The losses of a log, in its order.
    ///
    /// - Parameter epoch: What the monotonic clock showed when the clock on the wall showed the beginning of 1970.
    static func losses(in log: String, epoch: Instant = .epoch) -> [Loss] {
        log.split(separator: "\n").compactMap { line in
            guard line.contains("lost the connection to RabbitMQ"),
                let kind = line.split(separator: "connection=").last.map(String.init).flatMap(Self.kind),
                let date = try? Date(String(line.prefix { $0 != " " }), strategy: Self.timestamp)
            else { return nil }
            return Loss(kind: kind, time: epoch + .milliseconds(Int((date.timeIntervalSince1970 * 1000).rounded())))
        }
    }

    private static let timestamp = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    private static func kind(of text: String) -> ConnectionRecord.Kind? {
        ConnectionRecord.Kind(rawValue: String(text.prefix { $0.isLetter }))
    }
}

extension Instant {
    /// The beginning of 1970, by the monotonic clock.
    static var epoch: Instant { .now + .nanoseconds(-Int(Date.now.timeIntervalSince1970 * 1_000_000_000)) }
}
