/// A header table: names with values, in the order in which they were set.
///
/// AMQP calls it a field table and uses it for message headers and for the arguments of exchanges, queues, bindings and
/// consumers. Names are compared by their UTF-8 bytes, as brokers do: Swift's `==` would merge names that differ in
/// their Unicode normalisation.
public struct Headers: Sendable, Hashable {
    /// One name with its value.
    public struct Element: Sendable {
        /// The name: at most 255 bytes of UTF-8 on the wire.
        public var name: String
        /// The value.
        public var value: FieldValue

        /// Makes an element.
        public init(_ name: String, _ value: FieldValue) {
            self.name = name
            self.value = value
        }
    }

    private var elements: [Element]

    /// An empty table.
    public init() { self.elements = [] }

    /// A table of `pairs`; of several values for one name the last stays.
    public init(_ pairs: some Sequence<(String, FieldValue)>) {
        self.init()
        for (name, value) in pairs { self[name] = value }
    }

    /// The value of `name`, of several the first; setting it leaves one, and setting `nil` none.
    ///
    /// A peer may send a name more than once.
    public subscript(name: String) -> FieldValue? {
        get { self.index(of: name).map { self.elements[$0].value } }
        set {
            guard let index = self.index(of: name) else {
                if let newValue { self.elements.append(Element(name, newValue)) }
                return
            }
            guard let newValue else { return self.removeAll { $0.hasSameBytes(as: name) } }
            self.elements[index].value = newValue
            let rest = self.elements[(index + 1)...]
            if rest.contains(where: { $0.name.hasSameBytes(as: name) }) {
                self.elements = self.elements[...index] + rest.filter { !$0.name.hasSameBytes(as: name) }
            }
        }
    }

    /// Removes the pairs whose name fulfils a condition.
    public mutating func removeAll(where isRemoved: (String) -> Bool) {
        self.elements.removeAll { isRemoved($0.name) }
    }

    /// Adds a pair without looking for an earlier one of the same name: for decoders that must be linear in the number
    /// of headers. A later look-up finds the first.
    public mutating func append(_ name: String, _ value: FieldValue) {
        self.elements.append(Element(name, value))
    }

    private func index(of name: String) -> Int? {
        self.elements.firstIndex { $0.name.hasSameBytes(as: name) }
    }
}

extension Headers.Element: Hashable {
    /// Compares the names by their bytes.
    public static func == (left: Self, right: Self) -> Bool {
        left.name.hasSameBytes(as: right.name) && left.value == right.value
    }

    /// Hashes the name's bytes and the value.
    public func hash(into hasher: inout Hasher) {
        for byte in self.name.utf8 { hasher.combine(byte) }
        hasher.combine(self.value)
    }
}

extension Headers: RandomAccessCollection {
    /// The index of the first pair.
    public var startIndex: Int { self.elements.startIndex }
    /// The index after the last pair.
    public var endIndex: Int { self.elements.endIndex }
    /// The pair at `position`, which must be valid.
    public subscript(position: Int) -> Element { self.elements[position] }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Makes a table of a literal.
    public init(dictionaryLiteral elements: (String, FieldValue)...) { self.init(elements) }
}

extension Headers: CustomStringConvertible {
    /// The table in the form `{name: value, …}`.
    public var description: String {
        "{" + self.elements.map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "}"
    }
}
