import Configuration
import Enoki

/// Settings that are text where they come from: a file or the command line. Text that is not of the type that is asked for
/// is an error that names the key and the source.
struct TextProvider: ConfigProvider, ConfigSnapshot {
    /// A setting as it was written.
    enum Text: Sendable, Hashable {
        case scalar(String)
        case list([String])
    }

    let providerName: String
    private let lookUp: @Sendable (AbsoluteConfigKey) throws -> Text?

    /// The settings that `lookUp` finds, in a source called `name`.
    init(name: String, _ lookUp: @escaping @Sendable (AbsoluteConfigKey) throws -> Text?) {
        self.providerName = name
        self.lookUp = lookUp
    }

    /// The settings of a dictionary; the parts of a nested key are joined by dots.
    init(name: String, _ settings: [String: Text]) {
        self.init(name: name) { key in settings[key.components.joined(separator: ".")] }
    }

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        let name = key.components.joined(separator: ".")
        guard let text = try self.lookUp(key) else { return LookupResult(encodedKey: name, value: nil) }
        guard let content = Self.convert(text, to: type) else {
            throw ConfigurationError("\(name) in \(self.providerName) is not \(Self.describe(type))")
        }
        return LookupResult(encodedKey: name, value: ConfigValue(content, isSecret: Self.isSecret(name)))
    }

    func fetchValue(forKey key: AbsoluteConfigKey, type: ConfigType) async throws -> LookupResult {
        try self.value(forKey: key, type: type)
    }

    func watchValue<Return: ~Copyable>(
        forKey key: AbsoluteConfigKey,
        type: ConfigType,
        updatesHandler: (ConfigUpdatesAsyncSequence<Result<LookupResult, any Error>, Never>) async throws -> Return
    ) async throws -> Return {
        try await self.watchValueFromValue(forKey: key, type: type, updatesHandler: updatesHandler)
    }

    func snapshot() -> any ConfigSnapshot { self }

    func watchSnapshot<Return: ~Copyable>(
        updatesHandler: (ConfigUpdatesAsyncSequence<any ConfigSnapshot, Never>) async throws -> Return
    ) async throws -> Return {
        try await self.watchSnapshotFromSnapshot(updatesHandler: updatesHandler)
    }

    /// Whether a setting of that name is likely not to be shown to everybody.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return Self.secretWords.contains { name.contains($0) }
    }

    private static let secretWords = [
        "uri", "url", "dsn", "password", "passwd", "passphrase", "secret", "token", "key", "credential", "cookie",
        ProcessSetting.portUsers.rawValue.lowercased(),
    ]

    private static func convert(_ text: Text, to type: ConfigType) -> ConfigContent? {
        switch (type, text) {
        case (.string, .scalar(let text)): return .string(text)
        case (.int, .scalar(let text)): return Int(text).map(ConfigContent.int)
        case (.double, .scalar(let text)): return Double(text).map(ConfigContent.double)
        case (.bool, .scalar(let text)): return Self.bool(text).map(ConfigContent.bool)
        case (.bytes, .scalar(let text)): return .bytes(Array(text.utf8))
        default: break
        }
        let texts =
            switch text {
            case .list(let texts): texts
            case .scalar(let text): text.split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
            }
        switch type {
        case .stringArray: return .stringArray(texts)
        case .intArray: return Self.all(texts.map { Int($0) }).map(ConfigContent.intArray)
        case .doubleArray: return Self.all(texts.map { Double($0) }).map(ConfigContent.doubleArray)
        case .boolArray: return Self.all(texts.map(Self.bool)).map(ConfigContent.boolArray)
        case .byteChunkArray: return .byteChunkArray(texts.map { Array($0.utf8) })
        default: return nil
        }
    }

    private static func bool(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    private static func all<Value>(_ values: [Value?]) -> [Value]? {
        let found = values.compactMap { $0 }
        return found.count == values.count ? found : nil
    }

    private static func describe(_ type: ConfigType) -> String {
        switch type {
        case .string: "a single value"
        case .int: "a whole number"
        case .double: "a number"
        case .bool: "true or false"
        case .bytes: "a single value"
        case .intArray: "a list of whole numbers"
        case .doubleArray: "a list of numbers"
        case .boolArray: "a list of true and false"
        case .stringArray, .byteChunkArray: "a list"
        }
    }
}
