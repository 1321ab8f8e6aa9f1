import struct EnokiInProcess.SeededGenerator

/// A client's session with something wrong in it.
struct SessionMutation {
    /// What is sent, in the pieces in which it comes.
    let writes: [[UInt8]]

    /// Changes the session of `seed` in a way that `seed` chooses.
    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var pieces = ClientSession(seed: generator.next()).pieces
        for _ in 0..<(1 + generator.index(below: 3)) { Self.change(&pieces, &generator) }
        self.writes = Self.cut(pieces, &generator)
    }

    private static func change(_ pieces: inout [[UInt8]], _ generator: inout SeededGenerator) {
        guard !pieces.isEmpty else { return }
        let index = generator.index(below: pieces.count)
        switch generator.index(below: 9) {
        case 0: for _ in 0..<(1 + generator.index(below: 8)) { Self.flipBit(&pieces, &generator) }
        case 1: pieces[index].removeLast(generator.index(below: pieces[index].count + 1))
        case 2:
            // The beginning of one session, and the end of another.
            let other = ClientSession(seed: generator.next()).pieces
            pieces = Array(pieces[..<index]) + other[generator.index(below: other.count)...]
        case 3: Self.changeLength(&pieces[index], at: 3, &generator)
        case 4:
            if !pieces[index].isEmpty {
                Self.changeLength(&pieces[index], at: generator.index(below: pieces[index].count), &generator)
            }
        case 5: pieces.swapAt(index, generator.index(below: pieces.count))
        case 6: pieces.insert(pieces[index], at: generator.index(below: pieces.count))
        case 7: pieces.remove(at: index)
        default:
            let count = generator.index(below: 64)
            pieces.insert((0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }, at: index)
        }
    }

    private static func flipBit(_ pieces: inout [[UInt8]], _ generator: inout SeededGenerator) {
        let index = generator.index(below: pieces.count)
        guard !pieces[index].isEmpty else { return }
        pieces[index][generator.index(below: pieces[index].count)] ^= 1 << UInt8(generator.index(below: 8))
    }

    /// Changes the four octets at `position`, or the one that is there, as if they said how long something is.
    private static func changeLength(_ piece: inout [UInt8], at position: Int, _ generator: inout SeededGenerator) {
        guard position + 4 <= piece.count, generator.index(below: 4) > 0 else {
            guard position < piece.count else { return }
            piece[position] = generator.index(below: 2) == 0 ? piece[position] &+ 1 : piece[position] &- 1
            return
        }
        var length = piece[position..<position + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        switch generator.index(below: 4) {
        case 0: length &+= 1
        case 1: length &-= 1
        case 2: length ^= 1 << 31
        default: length = .max
        }
        for offset in 0..<4 { piece[position + offset] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * offset)) }
    }

    private static func cut(_ pieces: [[UInt8]], _ generator: inout SeededGenerator) -> [[UInt8]] {
        let bytes = pieces.flatMap(\.self)
        switch generator.index(below: 4) {
        case 0: return [bytes]
        case 1: return pieces
        case 2:
            var writes: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                writes.append(Array(rest.prefix(1 + generator.index(below: 500))))
                rest = rest.dropFirst(writes[writes.count - 1].count)
            }
            return writes
        default:
            // Byte by byte for a while, from anywhere.
            let start = generator.index(below: bytes.count + 1)
            let end = min(start + 200, bytes.count)
            return [Array(bytes[..<start])] + bytes[start..<end].map { [$0] } + [Array(bytes[end...])]
        }
    }
}
