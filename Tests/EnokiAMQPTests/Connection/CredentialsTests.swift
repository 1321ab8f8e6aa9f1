import EnokiBroker
import NIOCore
import Testing

@testable import EnokiAMQP

struct CredentialsTests {
    @Test(arguments: [
        ("\0guest\0secret", "guest", "secret"), ("\0\0", "", ""), ("\0a\0", "a", ""), ("\0\0b", "", "b"),
        ("\0ü\0\u{1F512}", "ü", "\u{1F512}"),
    ])
    func plainIsUserAndPasswordBehindNULs(response: String, user: String, password: String) throws {
        let credentials = try #require(Credentials(mechanism: .plain, response: Array(response.utf8)))
        #expect(credentials.user == user)
        #expect(credentials.password == password)
    }

    @Test(arguments: [
        "", "\0", "guest", "\0guest", "guest\0guest", "admin\0guest\0secret", "\0guest\0secret\0", "\0\0\0",
    ])
    func plainOfAnotherFormIsNone(response: String) {
        #expect(Credentials(mechanism: .plain, response: Array(response.utf8)) == nil)
    }

    @Test func amqplainIsATableWithoutItsLength() throws {
        let table: Headers = ["x": 1, "PASSWORD": "secret", "LOGIN": "guest"]
        let credentials = try #require(Credentials(mechanism: .amqplain, response: Self.content(of: table)))
        #expect(credentials.user == "guest")
        #expect(credentials.password == "secret")
    }

    @Test(arguments: [[:], ["LOGIN": "guest"], ["PASSWORD": "secret"], ["LOGIN": 1, "PASSWORD": 2]] as [Headers])
    func amqplainWithoutUserOrPasswordIsNone(table: Headers) {
        #expect(Credentials(mechanism: .amqplain, response: Self.content(of: table)) == nil)
    }

    @Test func amqplainThatIsNoTableIsNone() {
        let content = Self.content(of: ["LOGIN": "guest", "PASSWORD": "secret"])
        #expect(Credentials(mechanism: .amqplain, response: Array(content.dropLast())) == nil)
        #expect(Credentials(mechanism: .amqplain, response: [0, 0, 0, UInt8(content.count)] + content) == nil)
        #expect(Credentials(mechanism: .amqplain, response: Array("\0guest\0guest".utf8)) == nil)
    }

    @Test func noTextShowsThePassword() throws {
        let credentials = try #require(Credentials(mechanism: .plain, response: Array("\0guest\0hunter2".utf8)))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in [dumped, "\(credentials)", String(reflecting: credentials), "\([credentials])"] {
            #expect(text.contains("guest"))
            #expect(!text.contains("hunter2"))
        }
    }

    static func content(of table: Headers) -> [UInt8] {
        var buffer = ByteBuffer()
        table.write(into: &buffer)
        return Array(buffer.readableBytesView.dropFirst(4))
    }
}
