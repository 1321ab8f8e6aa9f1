import EnokiBroker
import Testing

@Suite struct InequivalentArgumentTests {
    @Test func whatDiffersIsReadFromTheBrokersWords() throws {
        let text =
            "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'it's' in vhost '/': received the"
            + " value '5' of type 'signedint' but current is none"
        let difference = try #require(InequivalentArgument(text))
        #expect(difference.argument == "x-message-ttl")
        #expect(difference.entity == "queue 'it's'")
        #expect(difference.wanted == "the value '5' of type 'signedint'")
        #expect(difference.current == "none")
        #expect(difference.isUsable)
        for part in ["queue 'it's' exists", "'x-message-ttl'", "none", "the value '5'", "Delete the queue", "policy"] {
            #expect(difference.description.contains(part), "\(difference)")
        }
    }

    @Test(arguments: [
        ("x-message-ttl", "none", true), ("alternate-exchange", "none", true), ("x-queue-type", "none", false),
        ("x-max-priority", "none", false), ("durable", "'true'", false),
        ("x-message-ttl", "the value '5' of type 'signedint'", false),
    ]) func aPolicyIsNamedWhereOneWouldHelp(_ argument: String, _ current: String, _ helps: Bool) throws {
        let text = "inequivalent arg '\(argument)' for queue 'q' in vhost '/': received 'x' but current is \(current)"
        #expect(try #require(InequivalentArgument(text)).description.contains("policy") == helps)
    }

    @Test(arguments: [
        "PRECONDITION_FAILED - unknown delivery tag 1",
        "PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}",
        "inequivalent arg '", "inequivalent arg 'a' for ", "inequivalent arg 'a' for a stranger",
        " but current is ' for  in vhost 'received inequivalent arg '", "",
    ])
    func whateverElseTheBrokerSaysIsNoDifference(_ text: String) {
        #expect(InequivalentArgument(text) == nil)
    }

    @Test(arguments: [
        ("durable", "true", true), ("durable", "false", false), ("auto_delete", "false", true),
        ("auto_delete", "true", false),
        ("x-queue-type", "classic", true),
    ])
    func whatKeepsLessThanIsWantedIsNotUsed(_ argument: String, _ current: String, _ isUsable: Bool) throws {
        let text = "inequivalent arg '\(argument)' for queue 'q' in vhost '/': received 'x' but current is '\(current)'"
        #expect(try #require(InequivalentArgument(text)).isUsable == isUsable)
    }

    /// RabbitMQ sends no more than 255 bytes of it.
    @Test func aTextThatIsCutOffSaysWhatItSays() throws {
        let name = String(repeating: "q", count: 150)
        let text =
            "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '\(name)' in vhost 'test' received the ..."
        let difference = try #require(InequivalentArgument(text))
        #expect(difference.entity == "queue '\(name)'")
        #expect(difference.wanted == nil && difference.current == nil)
        #expect(difference.isUsable)
        #expect(difference.description.contains("the broker has another value"))
        let cut = try #require(InequivalentArgument("inequivalent arg 'durable' for queue '\(name)..."))
        #expect(!cut.isUsable)
    }

    @Test(arguments: ["type", "internal"])
    func anExchangeOfAnotherTypeIsNotUsed(_ argument: String) throws {
        let text = "inequivalent arg '\(argument)' for exchange 'e' in vhost '/': received 'a' but current is 'b'"
        let difference = try #require(InequivalentArgument(text))
        #expect(!difference.isUsable)
    }
}
