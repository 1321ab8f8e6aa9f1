import EnokiBroker
import NIOCore
import Testing

import struct EnokiInProcess.SeededGenerator

@testable import EnokiAMQP

/// Whatever comes, the codec answers with a value or an error, never with a trap, and what it takes it can write again.
struct HostileInputTests {
    /// What fuzzing begins with: each method, and a header with a table of many kinds.
    private static let seeds: [ByteBuffer] =
        ClientMethodExample.all.map { ByteBuffer(hex: $0.hex) } + [
            ByteBuffer(
                hex: "003c00000000000000000005fffc106170706c69636174696f6e2f6a736f6e057574662d38"
                    + "0000002601614900000001016253000000016301634100000003567401016446000000030165560166640000000000000000"
                    + "020901630172053630303030016d000000006553f10001740175016102636c"
            )
        ]

    /// One of the seeds with some octets changed, taken out or put in.
    private static func mutated(_ generator: inout SeededGenerator) -> ByteBuffer {
        var octets = Array((Self.seeds.randomElement(using: &generator) ?? ByteBuffer()).readableBytesView)
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            guard let position = octets.indices.randomElement(using: &generator) else { break }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: octets[position] = .random(in: 0...255, using: &generator)
            case 1: octets[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: octets.remove(at: position)
            default: octets.insert([0, 1, 127, 128, 255].randomElement(using: &generator) ?? 0, at: position)
            }
        }
        return ByteBuffer(bytes: octets)
    }

    @Test func almostRightPayloadsAreReadOrRefused() throws {
        var generator = SeededGenerator(seed: 1)
        var taken = 0
        for _ in 0..<100_000 {
            let payload = Self.mutated(&generator)
            if (try? ClientMethod.decode(from: payload)) != nil { taken += 1 }
            guard let header = try? ContentHeader(from: payload) else { continue }
            taken += 1
            var written = ByteBuffer()
            header.properties.write(into: &written)
            var reader = FieldReader(written)
            _ = try reader.properties()
            #expect(reader.isAtEnd)
        }
        #expect(taken > 10_000, "a fuzz that finds nothing to read tests nothing")
    }

    @Test func randomOctetsAreReadOrRefused() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<100_000 {
            let length = Int.random(in: 0...64, using: &generator)
            let payload = ByteBuffer(bytes: (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
            _ = try? ClientMethod.decode(from: payload)
            _ = try? ContentHeader(from: payload)
            var stream = payload
            _ = try? stream.readFrame(frameMax: 4096)
            var start = payload
            _ = ProtocolHeader(from: &start)
        }
    }

    @Test func randomTablesAreReadOrRefused() throws {
        var generator = SeededGenerator(seed: 3)
        let letters = Array("tbBsuIilLfdDSxATFV".utf8) + [0, 1, 2, 4]
        var taken = 0
        for _ in 0..<100_000 {
            var table = ByteBuffer()
            let start = table.beginLongLength()
            for _ in 0..<Int.random(in: 0...20, using: &generator) {
                table.writeInteger(letters.randomElement(using: &generator) ?? 0)
                if Bool.random(using: &generator) { table.writeBytes([0, 0, 0]) }
            }
            table.endLongLength(start)
            var reader = FieldReader(table)
            guard let headers = try? reader.table() else { continue }
            taken += 1
            var written = ByteBuffer()
            headers.write(into: &written)
            var again = FieldReader(written)
            #expect(try again.table().count == headers.count)
        }
        #expect(taken > 1000, "a fuzz that finds nothing to read tests nothing")
    }
}
