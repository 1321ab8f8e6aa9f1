import Foundation
import Testing

/// Five hundred secrets on every way that ends in an error: none gets out, in whatever form.
@Suite struct CanaryTests {
    @Test(arguments: CanaryPath.all.indices) func noneGetsOut(_ number: Int) async throws {
        let path = CanaryPath.all[number]
        let said = try await path.run(path.canaries(number))
        // Else nothing was proved: something was said of it.
        #expect(said.contains { path.mark.isEmpty ? !$0.isEmpty : $0.contains(path.mark) }, "\(path.name)")
        for text in said {
            guard let form = Canary.form(in: text) else { continue }
            Issue.record("\(path.name) → \(path.sink), \(form): \(text.prefix(2000))")
        }
    }

    @Test func thereAreManyWaysToEachPlace() {
        let paths = CanaryPath.all
        #expect(paths.count >= 60)
        #expect(Set(paths.map(\.name)).count == paths.count)
        #expect(Set(paths.map(\.sink)) == Set(CanaryPath.Sink.allCases))
        // Where a way is too dear for all of them, the others are led along its neighbours.
        for sink in CanaryPath.Sink.allCases {
            let canaries = paths.indices.filter { paths[$0].sink == sink }.flatMap { paths[$0].canaries($0) }
            #expect(!canaries.isEmpty)
        }
        #expect(Set(Canary.flock).count == 500)
    }

    @Test(arguments: Array(Canary.flock.prefix(50))) func aCanaryIsFoundInEachForm(_ canary: Canary) {
        let text = canary.text
        let data = Data(text.utf8)
        let forms = [
            text, "x\(text)y", text.uppercased(), canary.percentEncoded, canary.inJSON, String(reflecting: text),
            data.base64EncodedString(), Data("\0user\0\(text)".utf8).base64EncodedString(),
            Data("ab\(text)".utf8).base64EncodedString(), data.map { String($0, radix: 16) }.joined(),
            data.map { "%" + String($0, radix: 16, uppercase: true) }.joined(), "\(Array(data))",
            String(text.prefix(9)), String(text.suffix(9)),
        ]
        for form in forms { #expect(Canary.form(in: form) != nil, "\(form)") }
        #expect(Canary.form(in: "a canary sings: svc:***@db.internal") == nil || text.isEmpty)
    }
}
