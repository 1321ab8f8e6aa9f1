import EnokiBroker
import EnokiInProcess
import NIOCore
import Testing

@testable import EnokiAMQP

struct ContentAssemblyTests {
    private static let publish = ContentAssembly.Publish(
        exchange: "x",
        routingKey: "k",
        mandatory: true,
        immediate: false
    )

    private static func header(size: UInt64) throws -> Frame {
        var bytes = ByteBuffer()
        ContentHeader(bodySize: size, properties: BasicProperties(appID: "a")).write(into: &bytes, channel: 1)
        return try #require(try bytes.readFrame(frameMax: 0))
    }

    private static func body(_ text: String) -> Frame {
        Frame(kind: .body, channel: 1, payload: ByteBuffer(string: text))
    }

    @Test func aMessageIsPutTogetherOutOfItsFrames() throws {
        let assembly = Assembler(sizeLimit: 100)
        #expect(!assembly.isWaiting)
        for _ in 0..<2 {
            assembly.begin(Self.publish)
            #expect(assembly.isWaiting)
            #expect(try assembly.isIncomplete(Self.header(size: 5)))
            for part in ["", "ab", ""] { #expect(try assembly.isIncomplete(Self.body(part))) }
            let complete = try #require(try assembly.receive(Self.body("cde")))
            #expect(complete.message?.body == Array("abcde".utf8))
            #expect(complete.message?.properties.appID == "a")
            #expect(complete.publish.exchange == "x" && complete.publish.mandatory)
            #expect(complete.bodySize == 5)
            #expect(!assembly.isWaiting)
        }
    }

    @Test func anEmptyBodyHasNoFrame() throws {
        let assembly = Assembler(sizeLimit: 100)
        assembly.begin(Self.publish)
        let complete = try assembly.receive(Self.header(size: 0))
        #expect(complete?.message?.body == [])
        #expect(!assembly.isWaiting)
    }

    @Test func whatIsLargerThanTheLimitIsCountedAndNotKept() throws {
        let assembly = Assembler(sizeLimit: 4)
        assembly.begin(Self.publish)
        #expect(try assembly.isIncomplete(Self.header(size: 6)))
        #expect(try assembly.isIncomplete(Self.body("abc")))
        let complete = try #require(try assembly.receive(Self.body("def")))
        #expect(complete.bodySize == 6)
        #expect(complete.message?.body.isEmpty != false)
    }

    @Test(arguments: [1 << 31, 1 << 63, .max] as [UInt64])
    func noMemoryIsTakenForWhatIsOnlyAnnounced(size: UInt64) throws {
        let assembly = Assembler(sizeLimit: 134_217_728)
        assembly.begin(Self.publish)
        #expect(try assembly.isIncomplete(Self.header(size: size)))
        #expect(try assembly.isIncomplete(Self.body("abc")))
        #expect(assembly.isWaiting)
    }

    @Test func anythingElseThanTheNextPartIsRefused() throws {
        let method = Frame(kind: .method, channel: 1, payload: ByteBuffer(bytes: [0, 60, 0, 80]))
        for frame in [method, Self.body("a")] {
            let assembly = Assembler(sizeLimit: 100)
            assembly.begin(Self.publish)
            let failure = try #require(throws: ConnectionFailure.self) { try assembly.receive(frame) }
            #expect(failure.exception.code == .unexpectedFrame)
            #expect(failure.method == .basicPublish)
        }
        for frame in [method, try Self.header(size: 1)] {
            let assembly = Assembler(sizeLimit: 100)
            assembly.begin(Self.publish)
            _ = try assembly.receive(Self.header(size: 1))
            let failure = try #require(throws: ConnectionFailure.self) { try assembly.receive(frame) }
            #expect(failure.exception.text.hasSuffix("expected content body, got non content body frame instead"))
        }
    }

    @Test func contentThatNobodyBeganIsRefused() throws {
        for frame in [try Self.header(size: 1), Self.body("a")] {
            let assembly = Assembler(sizeLimit: 100)
            let failure = try #require(throws: ConnectionFailure.self) { try assembly.receive(frame) }
            #expect(failure.exception.code == .unexpectedFrame)
            #expect(failure.method == nil)
        }
    }
}

/// An assembly that an expectation can change.
private final class Assembler {
    private var assembly: ContentAssembly

    init(sizeLimit: Int) { self.assembly = ContentAssembly(sizeLimit: sizeLimit) }

    var isWaiting: Bool { self.assembly.isWaiting }

    func begin(_ publish: ContentAssembly.Publish) { self.assembly.begin(publish) }

    func receive(_ frame: Frame) throws -> ContentAssembly.Complete? { try self.assembly.receive(frame) }

    func isIncomplete(_ frame: Frame) throws -> Bool { try self.receive(frame) == nil }
}
