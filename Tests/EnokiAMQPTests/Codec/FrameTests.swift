import NIOCore
import Testing

@testable import EnokiAMQP

struct FrameTests {
    @Test func aFrameEndsWithTheOctetOfTheSpecification() { #expect(Frame.end == 206) }
}
