/// Who logs in.
public struct Credentials: Sendable, Hashable {
    /// The user.
    public var user: String
    /// The password.
    public var password: Secret

    /// The user with the password.
    public init(user: String, password: Secret) {
        self.user = user
        self.password = password
    }
}
