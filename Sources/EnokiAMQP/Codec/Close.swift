import EnokiInProcess

/// Why a channel or a connection is closed: `channel.close` and `connection.close`.
struct Close: Equatable {
    /// The reply code, 200 from who is done.
    var code: UInt16
    /// The code in words.
    var text: String
    /// The class of the method that failed, 0 where none did.
    var classID: UInt16 = 0
    /// The method that failed, 0 where none did.
    var methodID: UInt16 = 0
}

extension Close {
    /// Whether the text quotes octets of a frame, as characters of Latin 1: it is written so, and need not be UTF-8.
    var quotesOctets: Bool {
        self.code == ReplyCode.frameError.rawValue || self.code == ReplyCode.unexpectedFrame.rawValue
    }
}
