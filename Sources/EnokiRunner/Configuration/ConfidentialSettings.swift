/// Which settings of a file should be read by nobody else: by their names, and by what stands there.
enum ConfidentialSettings {
    /// Whether a setting holds a secret, most likely. What everybody knows, such as guest's password, is none.
    static func contains(_ name: String, _ value: String) -> Bool {
        guard !value.isEmpty else { return false }
        if name.hasSuffix("AMQP_SERVER_USERS") {
            return value.split(separator: ",").contains { $0.contains(":") && !$0.hasSuffix("guest:guest") }
        }
        return self.hasPassword(value) || self.isSecret(name.lowercased())
    }

    private static func isSecret(_ name: String) -> Bool {
        // The name of a file is no secret.
        guard !["file", "path", "dir"].contains(where: name.hasSuffix) else { return false }
        let words = [
            "password", "passwd", "secret", "token", "apikey", "api_key", "private_key", "access_key", "signing_key",
        ]
        return words.contains { name.contains($0) }
    }

    /// Whether it is an address with a password in it.
    private static func hasPassword(_ value: String) -> Bool {
        guard let scheme = value.firstRange(of: "://"), let at = value.lastIndex(of: "@"), scheme.upperBound <= at
        else {
            return false
        }
        let login = value[scheme.upperBound..<at]
        return login.contains(":") && login != "guest:guest"
    }
}
