import EnokiInProcess

/// Why the port ends a connection.
struct ConnectionFailure: Error {
    /// What the client is told first.
    enum Notice {
        /// `connection.close`; then the client has time to answer.
        case close
        /// `connection.close`, and what the client sends is not read any more: it makes no sense.
        case lastWord
        /// `connection.close`, and the end comes at once: the broker does not wait for anybody.
        case farewell
        /// Nothing, and the end comes after a while: who guesses passwords, or speaks something else, is not helped.
        case silence
        /// Nothing, and the end comes at once.
        case none
    }

    let exception: AMQPException
    /// The method that is to blame; `nil` where none is.
    let method: MethodID?
    let notice: Notice
    /// What the log says besides.
    var detail: String?

    init(_ exception: AMQPException, method: MethodID? = nil, notice: Notice = .close) {
        self.exception = exception
        self.method = method
        self.notice = notice
    }

    init(_ code: ReplyCode, _ explanation: String, method: MethodID? = nil, notice: Notice = .close) {
        self.init(AMQPException(code, explanation), method: method, notice: notice)
    }

    /// The same without a word to the client.
    var silenced: ConnectionFailure {
        var silenced = ConnectionFailure(self.exception, method: self.method, notice: .silence)
        silenced.detail = self.detail
        return silenced
    }

    /// `connection.close` with the reason.
    var close: Close {
        Close(
            code: self.exception.code.rawValue,
            text: self.exception.text,
            classID: self.method?.classID ?? 0,
            methodID: self.method?.methodID ?? 0
        )
    }
}

extension ConnectionFailure: CustomStringConvertible {
    /// The reason in words, for the log.
    var description: String { self.detail.map { "\(self.exception) (\($0))" } ?? "\(self.exception)" }
}

extension ConnectionFailure {
    /// A method that is not the one that is waited for.
    static func unexpected(_ method: MethodID, in state: String) -> ConnectionFailure {
        ConnectionFailure(.channelError, "unexpected method in connection state \(state)", method: method)
    }

    /// A method on a channel that is not open.
    static func channelIsNotOpen(_ method: MethodID?) -> ConnectionFailure {
        ConnectionFailure(.channelError, "expected 'channel.open'", method: method)
    }

    /// A frame that is not the one that is waited for.
    static func unexpectedFrame(_ explanation: String, method: MethodID? = nil) -> ConnectionFailure {
        ConnectionFailure(.unexpectedFrame, explanation, method: method)
    }

    /// The bytes are no frames.
    init(_ error: FrameError) { self.init(.frameError, error.explanation, notice: .lastWord) }

    /// The payload of a frame on an open channel makes no sense.
    init(_ error: SyntaxError) {
        let method = MethodID(classID: error.classID, methodID: error.methodID)
        switch error.reason {
        case .methodOfServers: self.init(.commandInvalid, error.explanation, method: method)
        // RabbitMQ's reader crashes over these two.
        case .unknownMethod, .malformedTable: self.init(.internalError, error.explanation, notice: .none)
        case .notUTF8: self.init(.frameError, error.explanation)
        case .cannotDecode, .tooDeep: self.init(.frameError, error.explanation, method: method)
        case .wrongClass, .wrongWeight: self.init(.unexpectedFrame, error.explanation, method: .basicPublish)
        }
    }

    /// What the broker ends a connection for.
    init(_ exception: AMQPException) {
        let method = exception.method.flatMap { MethodID(classID: $0.classID, methodID: $0.methodID) }
        self.init(exception, method: method, notice: exception == .shutdown ? .farewell : .close)
    }
}
