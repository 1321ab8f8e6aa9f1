import Enoki
import EnokiBroker
import EnokiSQLite
import EnokiTestSupport
import Foundation
import GRDB
import Testing

/// What is of the file.
@Suite(.timeLimit(.minutes(5))) struct SQLiteIdempotencyStoreTests {
    private static let lease = Duration.seconds(30)

    @Test func whatIsDoneIsRememberedThroughARestart() async throws {
        try await Place.with { place in
            do {
                let (store, done) = (place.store(), claim("done"))
                _ = try await store.begin(done, lease: Self.lease)
                try await store.complete(done)
                _ = try await store.begin(claim("in work"), lease: Self.lease)
            }
            let store = place.store()
            #expect(try await store.begin(claim("done"), lease: Self.lease) == .done)
            #expect(try await store.begin(claim("in work"), lease: Self.lease) == .claimed(remaining: .seconds(30)))
            place.advance(by: .seconds(30))
            #expect(try await store.begin(claim("in work"), lease: Self.lease) == .begun)
        }
    }

    /// SQLite itself does not let them wait when it makes the write-ahead log.
    @Test func manyThatOpenANewFileAtOnceWaitForEachOther() async throws {
        for _ in 0..<50 {
            try await Place.with { place in
                try await withThrowingDiscardingTaskGroup { group in
                    for store in (0..<8).map({ _ in place.store() }) { group.addTask { try await store.open() } }
                }
            }
        }
    }

    @Test func ofManyStoresOnOneFileOneGetsEachMessage() async throws {
        try await Place.with { place in
            let stores = (0..<6).map { _ in place.store() }
            let begun = Locked<[String: Int]>([:])
            // They are opened at once, too.
            try await withThrowingDiscardingTaskGroup { group in
                for store in stores {
                    group.addTask {
                        try await store.open()
                        for number in 0..<20 {
                            let claim = claim("\(number)")
                            guard try await store.begin(claim, lease: Self.lease) == .begun else { continue }
                            begun.withLock { $0["\(number)", default: 0] += 1 }
                            try await store.complete(claim)
                        }
                    }
                }
            }
            #expect(begun.withLock { $0.count } == 20)
            #expect(begun.withLock { $0.values.allSatisfy { $0 == 1 } })
        }
    }

    @Test func itsFilesAreReadableByItsUserAlone() async throws {
        try await Place.with { place in
            let (store, done) = (place.store(), claim("m"))
            _ = try await store.begin(done, lease: Self.lease)
            try await store.complete(done)
            let files = try FileManager.default.contentsOfDirectory(atPath: place.folder.path())
            #expect(files.sorted() == ["messages.sqlite", "messages.sqlite-shm", "messages.sqlite-wal"])
            for file in files {
                let path = place.folder.appending(path: file).path()
                let rights = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(rights == 0o600, "\(file)")
            }
        }
    }

    @Test func whatIsOverIsForgotten() async throws {
        try await Place.with { place in
            let store = place.store()
            for number in 0..<100 {
                let claim = claim("\(number)", window: .seconds(10))
                _ = try await store.begin(claim, lease: Self.lease)
                // Some die.
                if number % 10 != 0 { try await store.complete(claim) }
            }
            place.advance(by: .seconds(30))
            for number in 0..<13 {
                let claim = claim("later \(number)")
                _ = try await store.begin(claim, lease: Self.lease)
                try await store.complete(claim)
            }
            #expect(try self.count(place) == 13)
        }
    }

    @Test func aClockThatIsSetBackMakesNoClaimLongerThanItsLease() async throws {
        try await Place.with { place in
            let store = place.store()
            _ = try await store.begin(claim("m"), lease: Self.lease)
            place.advance(by: .seconds(-1_000_000))
            #expect(try await store.begin(claim("m"), lease: Self.lease) == .claimed(remaining: .seconds(30)))
            place.advance(by: .seconds(30))
            #expect(try await store.begin(claim("m"), lease: Self.lease) == .begun)
        }
    }

    // MARK: - Errors

    @Test func aFileThatCannotBeOpenedIsAnErrorWithItsPathAndTheReason() async throws {
        try await Place.with { place in
            let missing = place.folder.appending(path: "missing/messages.sqlite").path()
            var error = await #expect(throws: SQLiteIdempotencyError.self) {
                try await SQLiteIdempotencyStore(path: missing).open()
            }
            #expect(error?.path == missing)
            let reason = "the folder '\(missing.dropLast("messages.sqlite".count))' does not exist: make it first"
            #expect(error?.description == "the idempotency store '\(missing)' could not open: \(reason)")
            error = await #expect(throws: SQLiteIdempotencyError.self) {
                try await SQLiteIdempotencyStore(path: place.folder.path()).open()
            }
            #expect(error?.code?.primaryResultCode == .SQLITE_CANTOPEN)
            try Data(repeating: 7, count: 5000).write(to: URL(filePath: place.path))
            error = await #expect(throws: SQLiteIdempotencyError.self) { try await place.store().open() }
            #expect(error?.code == .SQLITE_NOTADB)
            #expect(error?.reason == "file is not a database")
        }
    }

    @Test func aTableThatIsNotItsOwnIsAnError() async throws {
        try await Place.with { place in
            let queue = try DatabaseQueue(path: place.path)
            try await queue.write { try $0.execute(sql: "CREATE TABLE enoki_idempotency (id TEXT)") }
            let error = await #expect(throws: SQLiteIdempotencyError.self) { try await place.store().open() }
            #expect(error?.reason == "no such column: until")
        }
    }

    @Test func anotherProcessThatKeepsTheDatabaseIsAnErrorAfterAWhile() async throws {
        try await Place.with { place in
            let store = place.store()
            try await store.open()
            let other = try DatabaseQueue(path: place.path)
            let (isLocked, gate) = (Latch(), DispatchSemaphore(value: 0))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await withCheckedContinuation { continuation in
                        other.asyncWriteWithoutTransaction { database in
                            try? database.execute(sql: "BEGIN IMMEDIATE")
                            isLocked.open()
                            gate.wait()
                            try? database.execute(sql: "COMMIT")
                            continuation.resume()
                        }
                    }
                }
                await isLocked.wait()
                let error = await #expect(throws: SQLiteIdempotencyError.self) {
                    try await store.begin(claim("m"), lease: Self.lease)
                }
                #expect(error?.code == .SQLITE_BUSY)
                #expect(error?.operation == "begin")
                gate.signal()
            }
            #expect(try await store.begin(claim("m"), lease: Self.lease) == .begun)
        }
    }

    /// GRDB's own choice is to fail at once.
    @Test func aDatabaseOfTheHandlersIsWaitedForTooWhateverItsConfiguration() async throws {
        try await Place.with { place in
            let begun = Locked(0)
            let gate = DispatchSemaphore(value: 0)
            var configuration = Configuration()
            configuration.prepareDatabase { database in
                database.trace { event in
                    guard "\(event)".hasPrefix("BEGIN IMMEDIATE") else { return }
                    // It waits for three seconds at most, which a test that looks on may miss: so it is let in from here.
                    let count = begun.withLock { count in
                        count += 1
                        return count
                    }
                    if count == 2 { gate.signal() }
                }
            }
            let queue = try DatabaseQueue(path: place.path, configuration: configuration)
            let store = SQLiteIdempotencyStore(queue) { place.now }
            try await store.open()
            // Who commits waits for those who look whether they may begin.
            var patient = Configuration()
            patient.busyMode = .timeout(60)
            let other = try DatabaseQueue(path: place.path, configuration: patient)
            for operation in ["begin", "complete", "commit"] {
                let isLocked = Latch()
                begun.withLock { $0 = 0 }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await withCheckedContinuation { continuation in
                            other.asyncWriteWithoutTransaction { database in
                                try? database.execute(sql: "BEGIN IMMEDIATE")
                                isLocked.open()
                                gate.wait()
                                try? database.execute(sql: "COMMIT")
                                continuation.resume()
                            }
                        }
                    }
                    await isLocked.wait()
                    group.addTask {
                        switch operation {
                        case "begin": _ = try await store.begin(claim("m"), lease: Self.lease)
                        case "complete": try await store.complete(claim("m"))
                        default: try await store.commit { try $0.execute(sql: "CREATE TABLE sales (sku TEXT)") }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(try await store.begin(claim("m"), lease: Self.lease) == .done)
        }
    }

    private func count(_ place: Place) throws -> Int? {
        try DatabaseQueue(path: place.path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM enoki_idempotency") }
    }
}
