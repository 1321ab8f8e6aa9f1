import EnokiBroker
import EnokiInProcess
import NIOCore

/// Puts a message together out of its frames: the publish, the content header, the bodies (AMQP 0-9-1 §4.2.6).
///
/// It performs no I/O. Memory is taken as the bodies come, whatever their header announces, and what is larger than the
/// limit is counted and not kept.
struct ContentAssembly {
    /// `basic.publish`.
    struct Publish {
        let exchange: String
        let routingKey: String
        let mandatory: Bool
        let immediate: Bool
    }

    /// A publish with its content.
    struct Complete {
        let publish: Publish
        /// `nil` where its properties cannot be read.
        let message: Message?
        /// How many bytes the body has; more than the message's where it was larger than the limit.
        let bodySize: UInt64
    }

    private enum State {
        case idle
        case header(Publish)
        case body(Publish, Head, remaining: UInt64)
    }

    /// What is known of the message when its header has come.
    private struct Head {
        let bodySize: UInt64
        /// `nil` where it cannot be read.
        let header: ContentHeader?
    }

    private let sizeLimit: Int
    private var state = State.idle
    private var body: [UInt8] = []

    init(sizeLimit: Int) { self.sizeLimit = sizeLimit }

    /// Whether the frames of a content are waited for.
    var isWaiting: Bool { if case .idle = self.state { false } else { true } }

    /// A publish begins: its content header comes next.
    mutating func begin(_ publish: Publish) { self.state = .header(publish) }

    /// Takes the next frame of the content.
    ///
    /// - Returns: The publish, when it is complete.
    mutating func receive(_ frame: Frame) throws(ConnectionFailure) -> Complete? {
        switch (self.state, frame.kind) {
        case (.header(let publish), .header):
            let head = try Self.head(of: frame)
            return self.next(publish, head, remaining: head.bodySize)
        case (.body(let publish, let head, let remaining), .body):
            let count = UInt64(frame.payload.readableBytes)
            // RabbitMQ would wait for ever for the end of a body that is longer than its header says.
            guard count <= remaining else {
                throw .unexpectedFrame("content body is longer than announced", method: .basicPublish)
            }
            if head.bodySize <= UInt64(self.sizeLimit) { self.body += frame.payload.readableBytesView }
            return self.next(publish, head, remaining: remaining - count)
        case (.header, _):
            throw .unexpectedFrame(
                "expected content header for class 60, got non content header frame instead",
                method: .basicPublish
            )
        case (.body, _):
            throw .unexpectedFrame("expected content body, got non content body frame instead", method: .basicPublish)
        case (.idle, _): throw .unexpectedFrame("expected method frame, got non method frame instead")
        }
    }

    /// - Throws: ``ConnectionFailure`` when it is not the header of a message. That its properties cannot be read is found
    ///   out when the message is complete.
    private static func head(of frame: Frame) throws(ConnectionFailure) -> Head {
        do throws(SyntaxError) {
            let header = try ContentHeader(from: frame.payload)
            return Head(bodySize: header.bodySize, header: header)
        } catch {
            switch error.reason {
            case .wrongClass, .wrongWeight: throw ConnectionFailure(error)
            default: return Head(bodySize: ContentHeader.bodySize(in: frame.payload) ?? 0, header: nil)
            }
        }
    }

    private mutating func next(_ publish: Publish, _ head: Head, remaining: UInt64) -> Complete? {
        guard remaining == 0 else {
            self.state = .body(publish, head, remaining: remaining)
            return nil
        }
        defer {
            self.state = .idle
            self.body = []
        }
        let message = head.header.map { header in
            var message = Message(body: self.body, properties: header.properties)
            message.encodedProperties = header.encoded
            return message
        }
        return Complete(publish: publish, message: message, bodySize: head.bodySize)
    }
}
