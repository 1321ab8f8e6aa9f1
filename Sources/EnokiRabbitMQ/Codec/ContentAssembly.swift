import CRabbitMQ
import EnokiBroker

/// A message that was delivered or returned, whole.
struct Content: Sendable {
    enum Origin: Sendable {
        case delivery(IncomingMethod.Envelope)
        case returned(IncomingMethod.Return)
    }

    var origin: Origin
    var message: Result<Message, UnacceptableContent>
}

/// A message that came and of which a part was not taken.
struct UnacceptableContent: Error, Equatable {
    /// What was not taken, and why.
    var defect: MessageDefect
    /// The properties, without the headers where those are the defect.
    var properties: BasicProperties

    /// What is left of it.
    var message: Message {
        var message = Message(body: [], properties: self.properties)
        message.defect = self.defect
        return message
    }
}

/// Puts a message together from its method, header and body frames (AMQP 0-9-1 §4.2.6); performs no I/O.
///
/// A message that breaks a bound is read to its end and forgotten, so that the connection can go on.
struct ContentAssembly {
    /// A frame that must not come now. The connection cannot go on.
    struct Violation: Error {
        var reason: String
    }

    private enum State {
        case idle
        case method(Content.Origin)
        case body(Content.Origin, BasicProperties, size: Int)
        case skipping(Content.Origin, UnacceptableContent, remaining: UInt64)
    }

    private var state = State.idle
    private var body: [UInt8] = []
    private let maxBodySize: Int

    init(maxBodySize: Int) { self.maxBodySize = maxBodySize }

    /// Whether a part of a message has come, and not yet the rest.
    var isIncomplete: Bool { if case .idle = self.state { false } else { true } }

    /// A method with content came.
    mutating func begin(_ origin: Content.Origin) throws(Violation) {
        guard case .idle = self.state else { throw Violation(reason: "a method in the middle of a message") }
        self.state = .method(origin)
    }

    /// A header or a body frame came. Returns the message when it is whole.
    mutating func add(_ frame: amqp_frame_t) throws(Violation) -> Content? {
        guard Int32(frame.frame_type) == AMQP_FRAME_HEADER else {
            return try self.body(frame.payload.body_fragment.buffer)
        }
        let header = frame.payload.properties
        let properties =
            header.class_id == UInt16(AMQP_BASIC_CLASS)
            ? header.decoded?.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee : nil
        return try self.header(classID: header.class_id, bodySize: header.body_size, properties)
    }

    private mutating func header(
        classID: UInt16,
        bodySize: UInt64,
        _ properties: amqp_basic_properties_t?
    ) throws(Violation) -> Content? {
        guard case .method(let origin) = self.state, classID == UInt16(AMQP_BASIC_CLASS), let properties else {
            throw Violation(reason: "a header frame where none may come")
        }
        guard let size = Int(exactly: bodySize), size <= self.maxBodySize else {
            let defect = MessageDefect.bodyTooLarge(size: bodySize, limit: self.maxBodySize)
            let kept = (try? BasicProperties(decoding: properties)) ?? BasicProperties(withoutHeaders: properties)
            return self.skip(origin, UnacceptableContent(defect: defect, properties: kept), bodySize)
        }
        do throws(HeaderDecodingFailure) {
            let properties = try BasicProperties(decoding: properties)
            if size == 0 { return self.finish(origin, .success(Message(body: [], properties: properties))) }
            self.body = []
            self.body.reserveCapacity(size)
            self.state = .body(origin, properties, size: size)
            return nil
        } catch {
            let defect = MessageDefect.unreadableHeaders(error.reason)
            let kept = BasicProperties(withoutHeaders: properties)
            return self.skip(origin, UnacceptableContent(defect: defect, properties: kept), bodySize)
        }
    }

    private mutating func body(_ fragment: UnsafeRawBufferPointer) throws(Violation) -> Content? {
        switch self.state {
        case .body(let origin, let properties, let size):
            guard fragment.count <= size - self.body.count else {
                throw Violation(reason: "a body longer than its header says")
            }
            self.body.append(contentsOf: fragment)
            guard self.body.count == size else { return nil }
            let message = Message(body: self.body, properties: properties)
            self.body = []
            return self.finish(origin, .success(message))
        case .skipping(let origin, let failure, let remaining):
            guard fragment.count <= remaining else { throw Violation(reason: "a body longer than its header says") }
            let left = remaining - UInt64(fragment.count)
            if left == 0 { return self.finish(origin, .failure(failure)) }
            self.state = .skipping(origin, failure, remaining: left)
            return nil
        case .idle, .method: throw Violation(reason: "a body frame where none may come")
        }
    }

    private mutating func skip(
        _ origin: Content.Origin,
        _ failure: UnacceptableContent,
        _ size: UInt64
    ) -> Content? {
        if size == 0 { return self.finish(origin, .failure(failure)) }
        self.state = .skipping(origin, failure, remaining: size)
        return nil
    }

    private mutating func finish(
        _ origin: Content.Origin,
        _ message: Result<Message, UnacceptableContent>
    ) -> Content {
        self.state = .idle
        return Content(origin: origin, message: message)
    }
}
