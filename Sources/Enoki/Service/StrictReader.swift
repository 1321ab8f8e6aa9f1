import Configuration

/// Reads settings so that a value of the wrong type is an error: `ConfigReader`'s own getters take it for absent.
struct StrictReader {
    let reader: ConfigReader

    func int(_ key: ServiceSettings.Key) async throws -> Int? {
        try await self.expecting("a whole number", key) {
            try await self.reader.fetchInt(forKey: ConfigKey(key.rawValue))
        }
    }

    func string(_ key: ServiceSettings.Key) async throws -> String? {
        try await self.expecting("a string", key) { try await self.reader.fetchString(forKey: ConfigKey(key.rawValue)) }
    }

    func strings(_ key: ServiceSettings.Key) async throws -> [String]? {
        try await self.expecting("a list of strings", key) {
            try await self.reader.fetchStringArray(forKey: ConfigKey(key.rawValue))
        }
    }

    func bool(_ key: ServiceSettings.Key) async throws -> Bool? {
        try await self.expecting("true or false", key) {
            try await self.reader.fetchBool(forKey: ConfigKey(key.rawValue))
        }
    }

    func duration(_ key: ServiceSettings.Key) async throws -> Duration? {
        let seconds = try await self.expecting("a number of seconds", key) {
            try await self.reader.fetchDouble(forKey: ConfigKey(key.rawValue))
        }
        guard let seconds else { return nil }
        // `Duration.seconds` traps on what it cannot hold.
        guard seconds.isFinite, abs(seconds) <= 1_000_000_000 else {
            throw ConfigurationError("\(key.rawValue) is out of range: give a number of seconds")
        }
        return .seconds(seconds)
    }

    private func expecting<Value>(
        _ expected: String,
        _ key: ServiceSettings.Key,
        _ read: () async throws -> Value?
    ) async throws -> Value? {
        do {
            return try await read()
        } catch let error as ConfigurationError {
            throw error
        } catch {
            // The value is left out: it may be a secret that stands at the wrong key.
            throw ConfigurationError("\(key.rawValue) has a value of the wrong type: give \(expected)")
        }
    }
}
