import EnokiInProcess
import Testing

@testable import chaos

/// Where in a stream a cut happens.
@Suite struct StreamGateTests {
    private func frame(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [type, 0, 1, 0, 0, 0, UInt8(payload.count)] + payload + [0xCE]
    }

    private func method(_ method: WireMethod, _ arguments: [UInt8] = []) -> [UInt8] {
        let id = withUnsafeBytes(of: method.rawValue.bigEndian) { Array($0) }
        return self.frame(1, id + arguments)
    }

    /// What goes through, and after how many bytes which cut happens, however the stream is cut into pieces.
    private func pass(_ stream: [UInt8], _ cut: Cut, pieces: Int) -> (bytes: [UInt8], cutAt: Int?) {
        var gate = StreamGate(cut.direction)
        gate.arm(cut)
        var passed: [UInt8] = []
        for start in stride(from: 0, to: stream.count, by: pieces) {
            var piece = Array(stream[start..<min(start + pieces, stream.count)])
            var offset = 0
            while offset < piece.count {
                let passage = piece.withUnsafeMutableBytes { gate.pass(.init(rebasing: $0[offset...])) }
                passed += piece[offset..<offset + passage.count]
                offset += passage.count
                guard let cut = passage.cut else { continue }
                if cut.action != .flip { return (passed, passed.count) }
            }
        }
        return (passed, nil)
    }

    private let header = Array("AMQP".utf8) + [0, 0, 9, 1]

    @Test(arguments: [1, 3, 7, 1000])
    func aCutAfterAMethodComesAtTheEndOfItsFrame(_ pieces: Int) {
        let before = self.header + self.method(.basicPublish) + self.frame(3, [1, 2, 3]) + self.method(.basicPublish)
        let cut = Cut(action: .reset, direction: .toBroker, trigger: .method(.basicPublish, count: 2))
        let (bytes, place) = self.pass(before + self.frame(3, [4]), cut, pieces: pieces)
        #expect(bytes == before)
        #expect(place == before.count)
    }

    @Test(arguments: [1, 3, 7, 1000])
    func aCutAfterBytesComesAtThatByte(_ pieces: Int) {
        let stream = self.method(.basicDeliver) + self.frame(3, [1, 2, 3])
        for count in 0..<stream.count {
            let cut = Cut(action: .finish, direction: .toClient, trigger: .bytes(count))
            #expect(self.pass(stream, cut, pieces: pieces).bytes == Array(stream[..<count]))
        }
    }

    @Test func methodsAreFoundInBodiesOnlyWhereTheyAreFrames() {
        let decoy = self.frame(3, self.method(.basicAck))
        let cut = Cut(action: .reset, direction: .toClient, trigger: .method(.basicAck, count: 1))
        #expect(self.pass(decoy + self.method(.basicDeliver), cut, pieces: 5).cutAt == nil)
        #expect(self.pass(decoy + self.method(.basicAck), cut, pieces: 5).cutAt == decoy.count + 12)
    }

    @Test(arguments: [1, 4, 1000], Direction.allCases)
    func aFlipChangesOneBitWhereAReceiverMustNotice(_ pieces: Int, direction: Direction) throws {
        let frames = [self.method(.basicDeliver), self.frame(3, [1, 2, 3]), self.method(.basicDeliver)]
        let header = direction == .toBroker ? self.header : []
        let stream = header + frames.flatMap { $0 }
        var flipped: Set<Int> = []
        for count in header.count..<stream.count {
            let cut = Cut(action: .flip, direction: direction, trigger: .bytes(count))
            let passed = self.pass(stream, cut, pieces: pieces).bytes
            let changed = stream.indices.filter { stream[$0] != passed[$0] }
            #expect(passed.count == stream.count)
            // The last bytes may have no frame after them in which to flip.
            #expect(changed.count <= 1)
            for place in changed {
                var start = header.count
                let frame = frames.first { frame in
                    defer { start += frame.count }
                    return place < start + frame.count
                }
                let size = try #require(frame).count
                flipped.insert(place == start - 1 ? -1 : place - (start - size))
                #expect(place >= count)
            }
        }
        // Type, octets of the size, end.
        #expect(flipped == (direction == .toClient ? [0, 3, 4, 5, 6, -1] : [0, 3, 4, -1]))
    }

    @Test func aGateOfTheOtherDirectionLetsAllThrough() {
        var gate = StreamGate(.toClient)
        gate.arm(Cut(action: .reset, direction: .toBroker, trigger: .bytes(0)))
        var stream = self.method(.basicDeliver)
        let passage = stream.withUnsafeMutableBytes { gate.pass($0) }
        #expect(passage.cut == nil)
        #expect(passage.methods == [WireMethod.basicDeliver.rawValue])
    }

    @Test func theSameSeedMakesTheSameCuts() {
        func plan(_ seed: UInt64) -> [Cut] {
            var generator = SeededGenerator(seed: seed)
            return (0..<50).map { _ in .random(Cut.Action.allCases, &generator) }
        }
        #expect(plan(7) == plan(7))
        #expect(plan(7) != plan(8))
        #expect(Set(plan(7).map(\.action)).count == Cut.Action.allCases.count)
    }
}
