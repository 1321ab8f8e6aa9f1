import Enoki
import EnokiBroker

/// The names of the settings that a process reads by itself; its services may read others.
enum KnownSettings {
    /// Those that have an effect.
    static let names = ProcessSetting.allCases.map(\.rawValue) + ServiceSettings.Key.allCases.map(\.rawValue)

    /// nameko's, with all below them, that are refused or have no effect: a file may have them for nameko's processes.
    static let nameko = [
        "ACCEPT", "AMQP_SSL", "HEARTBEAT", "LOGGING", "LOGIN_METHOD", "SERIALIZERS", "TRANSPORT_OPTIONS",
        "WEB_SERVER_ADDRESS", "serializer",
    ]

    /// The setting that `name` is likely to stand for; `nil` where it is one of these, and where it looks like none.
    ///
    /// - Parameter spelling: How a setting is written there.
    static func setting(misspelt name: String, spelling: (String) -> String = { $0 }) -> String? {
        guard !self.names.contains(where: { spelling($0).hasSameBytes(as: name) }),
            !self.nameko.contains(where: { self.is(name, spelling($0)) })
        else { return nil }
        let letters = self.letters(name)
        let near = self.names.map { (name: $0, distance: EditDistance(letters, self.letters($0)).count) }
        return near.filter { $0.distance <= 2 }.min { $0.distance < $1.distance }?.name
    }

    private static func `is`(_ name: String, _ nameko: String) -> Bool {
        name.hasSameBytes(as: nameko)
            || ["\(nameko).", "\(nameko)_"].contains { name.utf8.starts(with: $0.utf8) }
    }

    /// A name without what people leave out or mix up.
    private static func letters(_ name: String) -> [UInt8] {
        name.lowercased().utf8.filter { !"_-.".utf8.contains($0) }
    }
}
