import Foundation

@testable import Enoki

/// What is taken for JSON is JSON to Foundation too, and means the same.
func fuzzJSON(_ octets: [UInt8]) {
    _ = try? JSONCodec().decode(JSONValue.self, from: octets)
    guard let text = try? JSONText(octets, maximumDepth: 64), !text.holdsPythonNumbers,
        let value = try? JSONValue(text)
    else { return }
    guard let other = try? JSONDecoder().decode(JSONValue.self, from: Data(octets)) else {
        // Of numbers at the edge of a type Foundation takes fewer.
        let hasNumbers = octets.contains { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard hasNumbers else { fatalError("Foundation does not read what was found to be JSON") }
        return
    }
    guard agree(value, other) else { fatalError("Foundation reads \(other) where \(value) was read") }
}

/// Whether both are the same, but for how numbers are kept.
private func agree(_ one: JSONValue, _ other: JSONValue) -> Bool {
    switch (one, other) {
    case (.array(let one), .array(let other)): one.count == other.count && zip(one, other).allSatisfy(agree)
    case (.object(let one), .object(let other)):
        one.count == other.count && one.allSatisfy { name, value in other[name].map { agree(value, $0) } ?? false }
    case (.integer(let one), .double(let other)): agree(Double(one), other)
    // Foundation drops the fraction of a large number.
    case (.double(let one), .integer(let other)): agree(one, Double(other))
    case (.double(let one), .double(let other)): agree(one, other)
    default: one == other
    }
}

private func agree(_ one: Double, _ other: Double) -> Bool { abs(one - other) <= abs(one) * 1e-15 }
