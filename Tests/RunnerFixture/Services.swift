import Enoki
import Logging

import class Foundation.ProcessInfo

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Does nothing and does it well.
struct Steady: Microservice {
    static let name = "steady"
    var entrypoints: [any Entrypoint] { RPC("ping", method: { () -> String in "pong" }) }
}

/// Has a call in work that ends by itself, a moment after it was asked to stop.
struct Brief: Microservice {
    static let name = "brief"
    var entrypoints: [any Entrypoint] {
        Once("work") {
            Logger.current.info("begins")
            try await Task.sleep(for: .milliseconds(500))
            Logger.current.info("is done")
        }
    }
}

/// Has a call in work that lasts until it is cancelled.
struct Slow: Microservice {
    static let name = "slow"
    var entrypoints: [any Entrypoint] {
        Once("work") {
            Logger.current.info("begins")
            try await Task.sleep(for: .seconds(3600))
        }
    }
}

/// Has a call in work that ignores its cancellation.
struct Stubborn: Microservice {
    static let name = "stubborn"
    var entrypoints: [any Entrypoint] {
        Once("work") {
            Logger.current.info("begins")
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        }
    }
}

/// Has calls that ignore that their time is over, more of them than it has workers.
struct Leaking: Microservice {
    static let name = "leaking"
    var entrypoints: [any Entrypoint] {
        Timer("work", every: .milliseconds(50), timeout: .milliseconds(50)) {
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        }
    }
}

/// Cannot start.
struct Broken: Microservice {
    static let name = "broken"
    let database = Database()
    var entrypoints: [any Entrypoint] { Once("work") {} }

    final class Database: DependencyProvider {
        func setup(_ container: ServiceContainer) async throws { throw NoDatabase() }
    }

    struct NoDatabase: Error, CustomStringConvertible {
        var description: String { "the database is not there" }
    }
}

/// Starts, and then fails in the background.
struct Failing: Microservice {
    static let name = "failing"
    let feed = Feed()
    var entrypoints: [any Entrypoint] { Once("work") {} }

    final class Feed: DependencyProvider {
        func run() async throws { throw FeedEnded() }
    }

    struct FeedEnded: Error, CustomStringConvertible {
        var description: String { "the feed has ended" }
    }
}

/// Has two entrypoints of one name.
struct Twins: Microservice {
    static let name = "twins"
    var entrypoints: [any Entrypoint] {
        Once("work") {}
        Once("work") {}
    }
}

/// Logs what a peer sent, line breaks and all.
struct Talkative: Microservice {
    static let name = "talkative"
    var entrypoints: [any Entrypoint] {
        Once("work") {
            let body = "harmless\n2026-01-01T00:00:00.000Z error [bank] robbed"
            Logger.current.info("got a message", metadata: ["body": "\(body)"])
        }
    }
}

/// Has calls that block their threads.
struct Blocking: Microservice {
    static let name = "blocking"
    var entrypoints: [any Entrypoint] {
        EventHandler("block", of: "test", "block") { (milliseconds: UInt32) in usleep(milliseconds * 1000) }
    }
}

/// Has calls that block their threads for good, one for each thread that there is.
struct Stuck: Microservice {
    static let name = "stuck"
    var entrypoints: [any Entrypoint] {
        for number in 1...ProcessInfo.processInfo.activeProcessorCount {
            Once("block_\(number)") {
                Logger.current.info("begins")
                while true { sleep(3600) }
            }
        }
    }
}
