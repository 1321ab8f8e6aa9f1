/// Collects the entrypoints of a ``Microservice``.
@resultBuilder
public enum EntrypointBuilder {
    /// One entrypoint.
    public static func buildExpression(_ entrypoint: any Entrypoint) -> [any Entrypoint] { [entrypoint] }
    /// Several at once.
    public static func buildExpression(_ entrypoints: [any Entrypoint]) -> [any Entrypoint] { entrypoints }
    /// All of a block.
    public static func buildBlock(_ parts: [any Entrypoint]...) -> [any Entrypoint] { parts.flatMap { $0 } }
    /// Those of an `if` without `else`.
    public static func buildOptional(_ part: [any Entrypoint]?) -> [any Entrypoint] { part ?? [] }
    /// Those of an `if`.
    public static func buildEither(first part: [any Entrypoint]) -> [any Entrypoint] { part }
    /// Those of an `else`.
    public static func buildEither(second part: [any Entrypoint]) -> [any Entrypoint] { part }
    /// Those of a loop.
    public static func buildArray(_ parts: [[any Entrypoint]]) -> [any Entrypoint] { parts.flatMap { $0 } }
}
