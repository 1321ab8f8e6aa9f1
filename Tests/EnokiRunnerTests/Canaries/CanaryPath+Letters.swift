import Enoki

@testable import EnokiRunner

extension CanaryPath {
    /// A dead letter that holds addresses wherever it can, as a stranger may have written it.
    private static func letter(_ canary: Canary) -> Message {
        let address = "postgres://svc:\(canary.text)@db.internal/orders"
        var message = Letters.letter(
            #"{"note": "see postgres://svc:\#(canary.inJSON)@db.internal/"}"#,
            id: address,
            error: "no way to \(address)",
            entrypoint: address
        )
        for header in message.properties.headers {
            if case .string = header.value { message.properties.headers[header.name] = .string(address) }
        }
        message.properties.headers["x-enoki-reason"] = "error"
        message.properties.headers["nameko.\(address.prefix(200))"] = .string(address)
        message.properties.type = address
        message.properties.appID = address
        return message
    }

    /// What the commands for dead letters show.
    static let letters: [CanaryPath] = [
        .each("dead-letters list", to: .listing) { canary in
            var listing = LetterListing(queue: DeadLetterQueueName("work"))
            listing.look(at: [Letters.listed(letter(canary))], meant: [Letters.listed(letter(canary))], of: 1)
            return [LetterTable(listings: [listing], now: Letters.now).text]
        },
        .each("dead-letters show", to: .listing) { canary in
            let message = letter(canary)
            let listed = Letters.listed(message)
            let name = DeadLetterQueueName("work")
            return [LetterText(queue: name, letter: listed, message: message, now: Letters.now).text]
        },
        .each("dead-letters list --json", to: .listing) { canary in
            var listing = LetterListing(queue: DeadLetterQueueName("work"))
            listing.look(at: [Letters.listed(letter(canary))], meant: [Letters.listed(letter(canary))], of: 1)
            return [try LetterJSON.text(LetterJSON.Queue(listing))]
        },
    ]
}
