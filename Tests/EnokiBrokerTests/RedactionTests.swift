import EnokiBroker
import EnokiTestTraits
import Testing

@Suite struct RedactionTests {
    @Test(arguments: [
        ("plain", "plain"), ("", ""),
        ("amqp://user:secret@host/vh is down", "amqp://***@host/vh is down"),
        ("amqp://secret@host", "amqp://***@host"),
        ("see (https://u:p%40ss@h:1/x?y=1)", "see (https://***@h:1/x?y=1)"),
        ("a://u:p@h b://v:q@g", "a://***@h b://***@g"),
        ("postgres://u:pa/ss@h/db", "postgres://***@h/db"),
        ("postgres://u:p@ss@h/db", "postgres://***@h/db"),
        ("url=\"redis://:pw@h\" other@mail", "url=\"redis://***@h\" other@mail"),
        ("x://u:p w@h/v", "x://***@h/v"), ("x://u:p'w@h", "x://***@h"),
        ("'x://u:p\"q w@h' is down", "'x://***@h' is down"),
        (#"{"a":"x://u:p@h","b":"y://v:q@g"}"#, #"{"a":"x://***@h","b":"y://***@g"}"#),
        ("x://u:p@h ask b@c", "x://***@h ask b@c"), ("x://u:p://w@h", "x://***@h"),
        ("x://h:80/a ask b@c", "x://h:80/a ask b@c"), ("x://h:80: ask b@c", "x://h:80: ask b@c"),
        ("x://h: ask b@c", "x://h: ask b@c"), ("x://[::1]:80 ask b@c", "x://[::1]:80 ask b@c"),
        ("file:///c:/d ask b@c", "file:///c:/d ask b@c"),
        ("amqp://user:secret@\u{301}host", "amqp://***@\u{301}host"), ("x://u:p w@\u{301}h", "x://***@\u{301}h"),
        ("https://host/path", "https://host/path"),
        ("https://host/users/me@example.org", "https://host/users/me@example.org"),
        ("://", "://"), ("x://@", "x://***@"),
        ("two\r\nlines\u{0}and\u{1B}[31m\u{2028}more\u{202E}", "two  lines and [31m more "),
    ])
    func secretsAndControlCharactersAreRemoved(_ text: String, _ expected: String) {
        #expect(Redaction.redacted(text) == expected)
    }

    /// From each address to the end of the text, it would take minutes.
    @Test(.ownThread, .timeLimit(.minutes(5)), arguments: ["", "@", "@\u{301}"]) func manyAddressesAreReadOnce(
        end: String
    ) {
        let addresses = String(repeating: "://a:b ", count: 100_000)
        let text = "@ " + addresses + end
        let expected = end.isEmpty ? text : "@ ://***" + end
        #expect(Redaction.withoutCredentials(text) == expected)
    }

    @Test func aTextIsCutBetweenScalars() {
        #expect(Redaction.redacted(String(repeating: "x", count: 5000)).utf8.count == 1024)
        let umlauts = Redaction.redacted("x" + String(repeating: "ä", count: 5000))
        #expect(umlauts.utf8.count == 1023)
        #expect(umlauts.last == "ä")
        let flags = Redaction.redacted(String(repeating: "\u{1F1E9}", count: 100_000))
        #expect(flags.utf8.count == 1024)
    }

    @Test func aSecretIsRemovedWhereverTheTextIsCut() {
        for length in stride(from: 900, through: 1100, by: 7) {
            let text = String(repeating: "x", count: length) + " amqp://user:hunter2@host"
            #expect(!Redaction.redacted(text).contains("hunter"))
        }
        for length in 4070...4100 {
            // What is removed of the first brings the second into view.
            let text = "amqp://" + String(repeating: "x", count: length - 10) + "@h amqp://user:hunter2@host"
            #expect(!Redaction.redacted(text).contains("hunter"))
        }
    }
}
