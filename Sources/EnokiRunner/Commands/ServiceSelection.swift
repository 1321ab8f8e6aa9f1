import Enoki
import EnokiBroker

/// Picks services by name.
enum ServiceSelection {
    /// The services of `names`, in the program's order; all of them when there are no names.
    ///
    /// - Throws: ``UsageError`` for a name that no service has; `ConfigurationError` for a program without services.
    static func choose(_ names: [String], from services: [any Microservice]) throws -> [any Microservice] {
        guard !services.isEmpty else {
            throw ConfigurationError("this program has no services: list them in `services` of its ServiceRunner")
        }
        let known = services.map { type(of: $0).name }
        for name in names where !known.contains(where: name.hasSameBytes) {
            throw UsageError("there is no service '\(name)'; there are: \(known.joined(separator: ", "))")
        }
        guard !names.isEmpty else { return services }
        return services.filter { service in names.contains(where: type(of: service).name.hasSameBytes) }
    }
}
