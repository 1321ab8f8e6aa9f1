import ArgumentParser
import Enoki
import EnokiRunner

/// The program: `shop run` hosts the services, `shop services` lists them, `shop demo` shows them at work.
@main struct Shop: ServiceRunner {
    static let name = "shop"

    var services: [any Microservice] {
        Orders()
        Payments()
        Stock()
    }

    static let subcommands: [any ParsableCommand.Type] = [Demo.self]
}
