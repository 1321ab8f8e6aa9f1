import Enoki
import Testing

@testable import EnokiRunner

@Suite struct ServiceSelectionTests {
    struct A: Microservice {
        static let name = "a"
        var entrypoints: [any Entrypoint] { Once("o") {} }
    }
    struct B: Microservice {
        static let name = "b"
        var entrypoints: [any Entrypoint] { Once("o") {} }
    }

    private func choose(_ names: String...) throws -> [String] {
        try ServiceSelection.choose(names, from: [A(), B()]).map { type(of: $0).name }
    }

    @Test func noNameChoosesAll() throws { #expect(try choose() == ["a", "b"]) }

    @Test func namesChooseInTheProgramsOrderAndOnce() throws {
        #expect(try choose("b") == ["b"])
        #expect(try choose("b", "a", "b") == ["a", "b"])
    }

    @Test(arguments: ["../x", "../../etc/passwd", "a/../b", ".", "", "a\0"])
    func aNameIsNoPath(_ name: String) {
        let error = #expect(throws: UsageError.self) { try choose(name) }
        #expect(error?.description.hasPrefix("there is no service '\(name)'; there are: a, b") == true)
    }

    @Test func anUnknownNameIsAnError() {
        #expect(throws: UsageError("there is no service 'c'; there are: a, b")) { try choose("a", "c") }
    }

    @Test func aProgramWithoutServicesIsMisconfigured() {
        #expect(throws: ConfigurationError.self) { try ServiceSelection.choose([], from: []) }
    }
}
