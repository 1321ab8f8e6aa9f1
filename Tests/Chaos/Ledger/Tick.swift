import Enoki

/// The event of all goals.
package struct Tick: Event {
    package static let source = "source"
    package static let type = "tick"

    package var producer: Int
    package var sequence: Int
    /// How long its handler is to work, in milliseconds.
    package var work: Int
    package var check: UInt32

    package init(_ id: MessageID, work: Int) {
        self.producer = id.producer
        self.sequence = id.sequence
        self.work = work
        self.check = id.check
    }

    package var id: MessageID { MessageID(producer: self.producer, sequence: self.sequence) }
    /// Whether it is as it was sent.
    package var isIntact: Bool { self.check == self.id.check }
}
