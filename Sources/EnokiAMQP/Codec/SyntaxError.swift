import EnokiBroker
import NIOCore

/// Why the payload of a method or of a content header cannot be read.
struct SyntaxError: Error, Equatable {
    /// What is wrong, and what RabbitMQ 3.10 answers, as measured. Before `connection.open` it answers nothing at all, but
    /// closes the socket three seconds later.
    enum Reason: Error, Hashable {
        /// No method has these numbers. RabbitMQ's reader crashes (`lookup_method_name`): the socket closes without a word.
        case unknownMethod
        /// A method that only a server sends. RabbitMQ: 503 `COMMAND_INVALID` on a channel, on channel 0 504
        /// `CHANNEL_ERROR`, as to every method that comes in the wrong state.
        case methodOfServers
        /// The fields end early, or something follows them. RabbitMQ: 501 `FRAME_ERROR` (`rabbit_misc:frame_error`), but
        /// 541 `INTERNAL_ERROR` without a text on channel 0 and for a content header.
        case cannotDecode
        /// A value in a table is of an unknown kind, reaches over the table's end, or is a float without a finite value.
        /// RabbitMQ's parser crashes: the socket closes without a word, and for a content header there is a 541
        /// `INTERNAL_ERROR` without a text.
        case malformedTable
        /// Tables nest deeper than ``WireLimits/depth``. RabbitMQ knows no such bound.
        case tooDeep
        /// A name is not UTF-8. RabbitMQ: 501 `FRAME_ERROR`, which names the method on channel 0 only; what
        /// `basic.publish` names it takes as it is.
        case notUTF8
        /// A content header of another class than `basic`. RabbitMQ: 505 `UNEXPECTED_FRAME`.
        case wrongClass
        /// A content header with a weight, which must be 0. RabbitMQ: 505 `UNEXPECTED_FRAME`.
        case wrongWeight
    }

    /// What is wrong.
    let reason: Reason
    /// The number of the class, 0 where the payload is too short to have one.
    let classID: UInt16
    /// The number of the method, 0 in a content header.
    let methodID: UInt16
    /// What could not be read: the octets after these numbers.
    let fields: ByteBuffer

    /// What to tell the client, behind the name of the code: RabbitMQ's words where it has some.
    var explanation: String {
        switch self.reason {
        case .unknownMethod: "unknown method \(self.methodID) of class \(self.classID)"
        case .methodOfServers: "unimplemented method"
        case .cannotDecode: "cannot decode \(self.fields.erlangNumbers)"
        case .malformedTable: "malformed table"
        case .tooDeep: "tables nest deeper than \(WireLimits.depth) levels"
        case .notUTF8: "Malformed UTF-8 in shortstr"
        case .wrongClass: "expected content header for class 60, got one for class \(self.classID) instead"
        case .wrongWeight: "expected content header for class 60, got non content header frame instead"
        }
    }
}
