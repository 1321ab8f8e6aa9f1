import EnokiBroker
import NIOCore

/// Why the payload of a method or of a content header cannot be read.
struct SyntaxError: Error, Equatable {
    /// What is wrong. The texts are RabbitMQ's where it has one.
    enum Reason: Error, Hashable {
        /// No method has these numbers. RabbitMQ's reader crashes and the client sees the socket close
        /// (`lookup_method_name`).
        case unknownMethod
        /// A method that only a server sends. RabbitMQ: 503 `COMMAND_INVALID` on a channel, 504 `CHANNEL_ERROR` on
        /// channel 0.
        case methodOfServers
        /// The fields end early, or something follows them. RabbitMQ: 501 `FRAME_ERROR` for a method
        /// (`rabbit_misc:frame_error`).
        case cannotDecode
        /// A value of an unknown kind in a table, or one that reaches over its end. RabbitMQ's parser crashes.
        case malformedTable
        /// Tables nest deeper than ``WireLimits/depth``. RabbitMQ knows no such bound.
        case tooDeep
        /// A name is not UTF-8. RabbitMQ: 501 `FRAME_ERROR`, except for the names of `basic.publish`, which it takes as
        /// they are.
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

    /// What to tell the client, behind the name of the code.
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
