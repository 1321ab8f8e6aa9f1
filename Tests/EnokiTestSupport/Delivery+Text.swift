public import EnokiBroker

extension Delivery {
    /// The body as a text.
    public var text: String { String(decoding: self.message.body, as: UTF8.self) }

    /// The body, marked when it is redelivered.
    public var mark: String { self.redelivered ? "\(self.text) again" : self.text }
}
