public import Enoki

/// Collects the services of a ``ServiceRunner``.
@resultBuilder
public enum ServiceBuilder {
    /// One service.
    public static func buildExpression(_ service: any Microservice) -> [any Microservice] { [service] }
    /// Several at once.
    public static func buildExpression(_ services: [any Microservice]) -> [any Microservice] { services }
    /// All of a block.
    public static func buildBlock(_ parts: [any Microservice]...) -> [any Microservice] { parts.flatMap { $0 } }
    /// Those of an `if` without `else`.
    public static func buildOptional(_ part: [any Microservice]?) -> [any Microservice] { part ?? [] }
    /// Those of an `if`.
    public static func buildEither(first part: [any Microservice]) -> [any Microservice] { part }
    /// Those of an `else`.
    public static func buildEither(second part: [any Microservice]) -> [any Microservice] { part }
    /// Those of a loop.
    public static func buildArray(_ parts: [[any Microservice]]) -> [any Microservice] { parts.flatMap { $0 } }
}
