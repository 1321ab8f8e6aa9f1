import Enoki

/// The context of a call as the called service sees it, in Swift or in Python.
struct ObservedContext: Codable, Hashable, Sendable {
    let callIDStack: [String]
    let data: [String: JSONValue]

    private enum CodingKeys: String, CodingKey {
        case data
        case callIDStack = "call_id_stack"
    }

    /// The ids without their random end.
    var calls: [String] {
        self.callIDStack.map { $0.split(separator: ".").dropLast().joined(separator: ".") }
    }
}

extension ObservedContext {
    /// That of the running worker.
    init(_ context: WorkerContext?) {
        self.init(
            callIDStack: context?.callIDStack ?? [],
            data: Dictionary(uniqueKeysWithValues: (context?.contextData ?? [:]).map { ($0.name, JSONValue($0.value)) })
        )
    }
}

extension JSONValue {
    /// What JSON can say of a header's value.
    fileprivate init(_ value: FieldValue) {
        self =
            switch value {
            case .bool(let value): .bool(value)
            case .double(let value): .double(value)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map(JSONValue.init))
            case .table(let table):
                .object(Dictionary(uniqueKeysWithValues: table.map { ($0.name, JSONValue($0.value)) }))
            case .void: .null
            default: value.integerValue.map(JSONValue.integer) ?? .string("\(value)")
            }
    }
}
