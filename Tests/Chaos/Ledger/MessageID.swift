/// Which message: whose, and its number there.
package struct MessageID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of the process that sends it; 0 is the driver.
    package let producer: Int
    /// Counts from 0.
    package let sequence: Int

    package init(producer: Int, sequence: Int) {
        self.producer = producer
        self.sequence = sequence
    }

    package var description: String { "\(self.producer).\(self.sequence)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.producer, left.sequence) < (right.producer, right.sequence)
    }

    /// What both ends compute of the id: a body that was changed on its way does not have it.
    package var check: UInt32 {
        var hash: UInt32 = 2_166_136_261
        for byte in "\(self)".utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return hash
    }
}
