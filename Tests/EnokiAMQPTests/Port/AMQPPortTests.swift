import EnokiRabbitMQ
import Testing

@testable import EnokiAMQP

struct AMQPPortTests {
    private static func port(_ address: AMQPAddress, _ virtualHosts: [String]) -> AMQPPort {
        AMQPPort(address: address, virtualHosts: virtualHosts, wireFaults: WireFaults(WireFaultPlan([])))
    }

    @Test func theURIOfGuestIsTheUsualOne() {
        let port = Self.port(.loopback(port: 5672), ["/"])
        #expect(port.number == 5672)
        #expect(port.uri() == "amqp://guest:guest@127.0.0.1:5672/%2F")
    }

    @Test func theFirstVirtualHostIsTheUsualOne() {
        let port = Self.port(.loopback(port: 1), ["shop", "test"])
        #expect(port.uri().hasSuffix("/shop"))
        #expect(port.uri(virtualHost: "test").hasSuffix("/test"))
    }

    @Test(arguments: ["/", "a:b@c/d?e#f%", "ü\u{1F512}", "a b+c", "", "~._-aZ09"])
    func whateverTheNamesAreAClientReadsThem(text: String) throws {
        let port = Self.port(.loopback(port: 5672), [text])
        let uri = port.uri(user: AMQPUser(name: text, password: text))
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%:/@".utf8)
        #expect(uri.utf8.allSatisfy(allowed.contains))
        #expect(uri.utf8.filter { $0 == UInt8(ascii: "@") }.count == 1)
        let configuration = try RabbitMQConfiguration(uri: uri)
        #expect(text.isEmpty || configuration.vhost == text)
        #expect(text.isEmpty || configuration.user == text)
    }

    @Test func anIPv6AddressIsInBrackets() {
        let port = Self.port(AMQPAddress(host: "::1", port: 5672), ["/"])
        #expect(port.uri() == "amqp://guest:guest@[::1]:5672/%2F")
        #expect("\(port.address)" == "[::1]:5672")
    }
}
