import EnokiBroker
import Testing

struct BasicPropertiesTests {
    @Test func anExpirationIsWrittenInWholeMilliseconds() {
        #expect(BasicProperties(expiration: .seconds(60)).expirationText == "60000")
        #expect(BasicProperties(expiration: .microseconds(1)).expirationText == "1")
        #expect(BasicProperties().expirationText == nil)
    }

    @Test(arguments: ["0100", "abc", "", "-1", "315360000001"]) func theTextOfAPeerStays(text: String) {
        var properties = BasicProperties(expiration: .seconds(1))
        properties.expirationText = text
        #expect(properties.expirationText == text)
        #expect(properties.expiration == (text == "0100" ? .milliseconds(100) : nil))
        #expect(properties != BasicProperties(expiration: properties.expiration))
    }

    @Test func aPlainTextOfAPeerIsTheDuration() {
        var properties = BasicProperties()
        properties.expirationText = "100"
        #expect(properties == BasicProperties(expiration: .milliseconds(100)))
        properties.expirationText = nil
        #expect(properties == BasicProperties())
    }

    @Test(arguments: [nil, Duration.seconds(1)]) func aNewExpirationReplacesTheTextOfAPeer(expiration: Duration?) {
        var properties = BasicProperties()
        properties.expirationText = "abc"
        properties.expiration = expiration
        #expect(properties == BasicProperties(expiration: expiration))
    }

    @Test func aDeliveryModeThatMeansNothingStays() {
        var properties = BasicProperties(deliveryMode: .persistent)
        #expect(properties.deliveryModeOctet == 2)
        properties.deliveryModeOctet = 3
        #expect(properties.deliveryModeOctet == 3)
        #expect(properties.deliveryMode == nil)
        #expect(properties != BasicProperties())
        properties.deliveryMode = nil
        #expect(properties == BasicProperties())
        properties.deliveryModeOctet = 1
        #expect(properties == BasicProperties(deliveryMode: .transient))
    }
}
