import Enoki
import EnokiRunner

/// A program that dies where a test wants it to, with a guard in an SQLite file.
@main struct SQLiteFixture: ServiceRunner {
    static let name = "sqlite-fixture"

    var services: [any Microservice] { Bookkeeper() }
}
