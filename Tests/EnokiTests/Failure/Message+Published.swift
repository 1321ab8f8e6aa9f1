import Enoki

extension Message {
    /// An event `Published`, as it comes from its publisher, or back from a wait after so many returns.
    static func published(_ title: String, redeliveries: Int? = nil) -> Message {
        var headers: Headers = [:]
        if let redeliveries {
            headers[FailureHeaders.redeliveries] = .int64(Int64(redeliveries))
            headers[FailureHeaders.exchange] = "press.events"
            headers[FailureHeaders.routingKey] = "published"
        }
        return Message(
            #"{"title": "\#(title)"}"#,
            properties: BasicProperties(contentType: "application/json", headers: headers, messageID: title)
        )
    }
}
