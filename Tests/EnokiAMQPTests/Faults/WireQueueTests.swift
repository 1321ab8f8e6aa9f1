import NIOCore
import Testing

@testable import EnokiAMQP

@Suite struct WireQueueTests {
    private let bytes = ByteBuffer(bytes: 0..<10)

    @Test func afterAWaitNothingHappensUntilItIsOver() {
        var queue = WireQueue()
        queue.append([.pass(self.bytes), .wait(.seconds(1)), .end(.close)])
        #expect(queue.next() == .pass(self.bytes))
        #expect(queue.next() == .wait(.seconds(1)))
        #expect(queue.next() == nil)
        #expect(!queue.isEmpty)
        queue.resume()
        #expect(queue.next() == .end(.close))
        #expect(queue.next() == nil)
        #expect(queue.isEmpty)
    }

    @Test func aLimitLetsAPartPassAndWaits() {
        var queue = WireQueue()
        queue.limit(to: 80)
        queue.append([.pass(self.bytes), .end(.close)])
        var passed = ByteBuffer()
        var waited = Duration.zero
        while let action = queue.next() {
            switch action {
            case .pass(let part):
                #expect(part.readableBytes <= 4)
                passed.writeImmutableBuffer(part)
            case .wait(let duration):
                waited += duration
                queue.resume()
            default: #expect(action == .end(.close))
            }
        }
        #expect(passed == self.bytes)
        #expect(waited == .milliseconds(125))
    }

    @Test func theSmallestLimitLetsAByteASecondPass() {
        var queue = WireQueue()
        queue.limit(to: 1)
        queue.append([.pass(self.bytes)])
        #expect(queue.next() == .pass(ByteBuffer(bytes: [0])))
        #expect(queue.next() == .wait(.seconds(1)))
    }
}
