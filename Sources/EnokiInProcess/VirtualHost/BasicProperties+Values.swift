import EnokiBroker

extension BasicProperties {
    /// Checks what a client can write where only some values have a meaning, with RabbitMQ's words (`rabbit_basic`).
    func checkValues() throws(AMQPException) {
        if let text = self.expirationText, let fault = Self.fault(inExpiration: text) {
            var words = ErlangText("invalid expiration '\(text)': ")
            switch fault {
            case .atom(let atom): words.write(atom)
            case .pair(let atom, let value): words.write(atom: atom, value)
            }
            throw AMQPException(.preconditionFailed, words.text)
        }
        if let octet = self.deliveryModeOctet, self.deliveryMode == nil {
            throw AMQPException(.preconditionFailed, "invalid message: {delivery_mode_unknown,\(octet)}")
        }
    }

    /// What RabbitMQ calls a fault, in Erlang's terms.
    private enum Fault {
        case atom(String)
        case pair(String, String)
    }

    /// What is wrong with an expiration; `nil` where nothing is.
    private static func fault(inExpiration text: String) -> Fault? {
        var rest = Substring(text).utf8
        var sign = ""
        if let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            if first == UInt8(ascii: "-") { sign = "-" }
            rest.removeFirst()
        }
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty else { return .atom("no_integer") }
        let leftover = rest[digits.endIndex...]
        guard leftover.isEmpty else { return .pair("leftover_string", "\"\(Substring(leftover))\"") }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        guard !significant.isEmpty else { return nil }
        let number = "\(sign)\(Substring(significant))"
        guard sign.isEmpty else { return .pair("value_negative", number) }
        guard let milliseconds = Int64(number), milliseconds <= WireLimits.longestTime.wholeMilliseconds else {
            return .pair("value_too_large", number)
        }
        return nil
    }
}
