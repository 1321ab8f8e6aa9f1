extension String {
    /// The name as RabbitMQ reads it in a declaration: without the bytes CR and LF.
    var withoutLineBreaks: String {
        guard self.utf8.contains(where: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) else { return self }
        return String(String.UnicodeScalarView(self.unicodeScalars.filter { $0 != "\r" && $0 != "\n" }))
    }
}
