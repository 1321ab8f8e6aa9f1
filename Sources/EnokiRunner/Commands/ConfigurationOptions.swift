import ArgumentParser

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The options by which every command is configured.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("A YAML file with settings.", valueName: "file"))
    var config: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "A setting, such as max_workers=20; may be given several times. It counts more than the environment, and that"
                + " more than the file.",
            valueName: "key=value"
        )
    )
    var define: [Definition] = []

    /// One `key=value`; what is none has no key, since the parser would quote it.
    struct Definition: ExpressibleByArgument, Hashable {
        let key: String
        let value: String

        init(argument: String) {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            self.key = parts.count == 2 ? String(parts[0]) : ""
            self.value = parts.count == 2 ? String(parts[1]) : ""
        }
    }

    func validate() throws {
        guard let index = self.define.firstIndex(where: \.key.isEmpty) else { return }
        throw ValidationError("definition \(index + 1) (--define) is not key=value, such as max_workers=20")
    }

    /// Reads the file and the environment.
    ///
    /// - Parameter options: Settings that have an option of their own; they count more than definitions.
    func sources(options: [String: TextProvider.Text?] = [:]) throws -> SettingSources {
        SettingSources(
            // Of several definitions of one key the last counts.
            definitions: Dictionary(self.define.map { ($0.key, TextProvider.Text.scalar($0.value)) }) { $1 },
            options: options.compactMapValues { $0 },
            environment: ProcessInfo.processInfo.environment,
            file: try self.config.map { try ConfigurationFile(path: $0) }
        )
    }
}
