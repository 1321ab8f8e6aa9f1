import EnokiBroker

import struct NIOCore.ByteBuffer

/// Something that goes wrong on the wire of an AMQP port, at one step of what passes there.
///
/// ```swift
/// [.close(after: .sends(.connectionTune)), .flip(byte: 3, of: .sends(.basicDeliver, 2)), .lose(.sends(.basicAck))]
/// ```
///
/// The broker behind the port is in good order, and believes that it sent what is lost. What goes wrong in the broker itself
/// says ``EnokiInProcess/Fault``.
public struct WireFault: Sendable, Hashable {
    /// How a connection ends.
    enum End: String, Sendable, Hashable, CaseIterable { case close, reset, halfClose }

    /// Whose steps are counted.
    enum Scope: Sendable, Hashable {
        case all
        case connection(Int)
        case name(ByteName)
    }

    enum Effect: Sendable, Hashable {
        case end(End, isBefore: Bool)
        case silence
        case blackhole
        case stopHeartbeats
        case throttle(bytesPerSecond: Int)
        case inject([UInt8])
        case blockPublishers(Duration?)
        case lose
        case duplicate
        case delay(Duration)
        case cut(afterBytes: Int)
        case flip(byte: Int)
        case wrongEnd(UInt8)
        case resize(by: Int)
        case wrongSize(UInt32)
        case announceBody(UInt64)
    }

    let effect: Effect
    let step: Step
    var scope = Scope.all
}

// MARK: - The end of a connection

extension WireFault {
    /// The server closes the socket before the step: what was to pass does not.
    public static func close(before step: Step) -> WireFault { .init(effect: .end(.close, isBefore: true), step: step) }

    /// The server closes the socket after the step, without a word of AMQP.
    ///
    /// What it sent has arrived. What it received is done, and the answer is not sent.
    public static func close(after step: Step) -> WireFault { .init(effect: .end(.close, isBefore: false), step: step) }

    /// The server resets the connection (TCP RST) before the step: what was to pass does not.
    public static func reset(before step: Step) -> WireFault { .init(effect: .end(.reset, isBefore: true), step: step) }

    /// The server resets the connection (TCP RST) after the step.
    public static func reset(after step: Step) -> WireFault { .init(effect: .end(.reset, isBefore: false), step: step) }

    /// The server closes its half of the connection before the step: it sends nothing more, and goes on reading.
    public static func halfClose(before step: Step) -> WireFault {
        .init(effect: .end(.halfClose, isBefore: true), step: step)
    }

    /// The server closes its half of the connection after the step: it sends nothing more, and goes on reading.
    public static func halfClose(after step: Step) -> WireFault {
        .init(effect: .end(.halfClose, isBefore: false), step: step)
    }
}

// MARK: - What lasts

extension WireFault {
    /// The server sends nothing after the step, no heartbeats either. It goes on reading, and the socket stays open as long
    /// as the client wants.
    public static func silence(after step: Step) -> WireFault { .init(effect: .silence, step: step) }

    /// The server neither sends nor reads anything after the step, and the socket stays open as long as the client wants.
    public static func blackhole(after step: Step) -> WireFault { .init(effect: .blackhole, step: step) }

    /// The server sends no heartbeats after the step, and all else as ever.
    public static func stopHeartbeats(after step: Step) -> WireFault { .init(effect: .stopHeartbeats, step: step) }

    /// After the step no more than so many bytes pass in a second, in each direction.
    public static func throttle(after step: Step, bytesPerSecond: Int) -> WireFault {
        .init(effect: .throttle(bytesPerSecond: max(1, bytesPerSecond)), step: step)
    }

    /// After the step the server says `connection.blocked`, and `duration` later `connection.unblocked`; with `nil` never.
    ///
    /// It is said to this client alone, whether it can hear it or not, and the broker takes messages all the while. A broker
    /// that takes none is had by ``EnokiInProcess/InProcessBroker/block(because:)``.
    public static func blockPublishers(after step: Step, for duration: Duration? = nil) -> WireFault {
        .init(effect: .blockPublishers(duration), step: step)
    }

    /// After the step the server sends `bytes`, whatever they are.
    ///
    /// They come before the answer to a frame that the server received.
    public static func inject(_ bytes: [UInt8], after step: Step) -> WireFault {
        .init(effect: .inject(bytes), step: step)
    }

    /// After the step the server sends a frame that is whole, with any payload.
    ///
    /// - Parameters:
    ///   - type: 1 is a method, 2 a content header, 3 a body, 8 a heartbeat (AMQP 0-9-1 §4.2.3).
    ///   - channel: The number of the channel.
    ///   - payload: What is between the frame's header and its end.
    ///   - step: The step.
    public static func injectFrame(
        type: UInt8 = 1,
        channel: UInt16,
        payload: [UInt8],
        after step: Step
    ) -> WireFault {
        var frame = ByteBuffer()
        Frame(kind: Frame.Kind(octet: type), channel: channel, payload: ByteBuffer(bytes: payload)).write(into: &frame)
        return .inject(Array(frame.readableBytesView), after: step)
    }
}

// MARK: - A frame

extension WireFault {
    /// The frame does not arrive, and its sender cannot know.
    public static func lose(_ frame: FrameStep) -> WireFault { .init(effect: .lose, step: frame.step) }

    /// The frame arrives twice.
    public static func duplicate(_ frame: FrameStep) -> WireFault { .init(effect: .duplicate, step: frame.step) }

    /// The frame, and all that follows it in its direction, arrives so much later.
    public static func delay(_ frame: FrameStep, by delay: Duration) -> WireFault {
        .init(effect: .delay(delay), step: frame.step)
    }

    /// Of the frame the first `count` bytes arrive, at most all of them; then the server closes the socket.
    public static func cut(_ frame: FrameStep, afterBytes count: Int) -> WireFault {
        .init(effect: .cut(afterBytes: max(0, count)), step: frame.step)
    }

    /// One byte of the frame arrives with all its bits turned over.
    ///
    /// - Parameters:
    ///   - byte: Counted from 0: 0 is the type, 1 and 2 the channel, 3 to 6 the size; 7 to 10 are class and method. In a
    ///     shorter frame it is the last one.
    ///   - frame: The frame.
    public static func flip(byte: Int, of frame: FrameStep) -> WireFault {
        .init(effect: .flip(byte: max(0, byte)), step: frame.step)
    }

    /// The frame ends with `octet`, where `0xCE` ought to be.
    public static func wrongEnd(of frame: FrameStep, octet: UInt8 = 0) -> WireFault {
        .init(effect: .wrongEnd(octet), step: frame.step)
    }

    /// The frame says that its payload is so much longer than it is; shorter with a negative number.
    public static func wrongSize(of frame: FrameStep, by difference: Int) -> WireFault {
        .init(effect: .resize(by: difference), step: frame.step)
    }

    /// The frame says that its payload has `size` bytes.
    public static func wrongSize(of frame: FrameStep, is size: UInt32) -> WireFault {
        .init(effect: .wrongSize(size), step: frame.step)
    }

    /// The content header says that a body of `size` bytes follows, whatever does.
    public static func announceBody(of size: UInt64, in header: ContentHeaderStep) -> WireFault {
        .init(effect: .announceBody(size), step: header.step)
    }
}

// MARK: - Which connection

extension WireFault {
    /// The same fault for one connection alone, whose steps alone are counted.
    ///
    /// - Parameter number: 1 is the first that came to the port.
    public func onConnection(_ number: Int) -> WireFault {
        var fault = self
        fault.scope = .connection(number)
        return fault
    }

    /// The same fault for the connections with that name alone, whose steps alone are counted.
    ///
    /// - Parameter name: What the client calls itself: `connection_name` in its `connection.start-ok`. Before that step it
    ///   has no name.
    public func on(_ name: String) -> WireFault {
        var fault = self
        fault.scope = .name(ByteName(name))
        return fault
    }
}
