import EnokiBroker
import Foundation

/// Frames captured from real nameko, versions 2.14.1 and 3.0.0rc11.
enum Golden: String, CaseIterable {
    case v2, v3

    /// One captured frame.
    struct Frame {
        let json: [String: Any]

        var body: [UInt8] { Array((self.json["body"] as? String ?? "").utf8) }

        var headers: Headers {
            let properties = self.json["properties"] as? [String: Any] ?? [:]
            return Headers((properties["headers"] as? [String: [Any]] ?? [:]).map { ($0.key, Golden.value($0.value)) })
        }

        subscript(key: String) -> String { self.json[key] as? String ?? "" }
        func flag(_ key: String) -> Bool { self.json[key] as? Bool ?? false }
        var arguments: Headers {
            Headers((self.json["arguments"] as? [String: [Any]] ?? [:]).map { ($0.key, Golden.value($0.value)) })
        }
    }

    /// The frame of that name.
    func example(_ name: String) throws -> Frame {
        let examples = try self.load("examples") as? [String: Any] ?? [:]
        guard let json = examples[name] as? [String: Any] else { throw NoSuchExample(name: name) }
        return Frame(json: json)
    }

    /// What three nameko services declared.
    func declarations(_ method: String) throws -> [Frame] {
        (try self.load("service_declarations") as? [[String: Any]] ?? [])
            .filter { $0["m"] as? String == method }
            .map(Frame.init)
    }

    struct NoSuchExample: Error { let name: String }

    private func load(_ name: String) throws -> Any {
        let url = Bundle.module.bundleURL.appendingPathComponent("Golden/\(name)_\(self.rawValue).json")
        return try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    }

    /// A header value, captured as its type letter and the value.
    private static func value(_ captured: [Any]) -> FieldValue {
        switch captured.first as? String {
        case "S": .string(captured[1] as? String ?? "")
        case "I": .int32((captured[1] as? NSNumber)?.int32Value ?? 0)
        case "L": .uint64(UInt64(bitPattern: (captured[1] as? NSNumber)?.int64Value ?? 0))
        case "d": .double((captured[1] as? NSNumber)?.doubleValue ?? 0)
        case "t": .bool(captured[1] as? Bool ?? false)
        case "A": .array((captured[1] as? [[Any]] ?? []).map(Self.value))
        case "F": .table(Headers((captured[1] as? [String: [Any]] ?? [:]).map { ($0.key, Self.value($0.value)) }))
        default: .void
        }
    }
}
