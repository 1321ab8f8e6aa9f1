import Configuration
import Enoki
import EnokiInProcess
import Logging

/// What a cluster is made of.
struct ClusterPlan {
    var services: [any Microservice]
    var replacements: [Replacement]
    var restrictions: [Restriction]
    var stubs: [RPCStub]
    var settings: ServiceSettings
    var config: ConfigReader
    var predictableCallIDs: Bool
    var patience: Duration
    var logger: Logger
    let codecs = Codecs.json

    /// What all processes of the cluster have in common.
    func overrides(_ stubbed: StubbedRequests) throws -> ProcessOverrides {
        var overrides = ProcessOverrides()
        for replacement in self.replacements { try replacement.apply(to: self.services, in: &overrides.replacements) }
        for restriction in self.restrictions { try restriction.apply(to: self.services, in: &overrides.restrictions) }
        if self.predictableCallIDs { overrides.ids = .numbered(IDSource.Numbers()) }
        if !self.stubs.isEmpty { overrides.intercept = { StubbingSender(stubbed: stubbed, others: $0) } }
        return overrides
    }

    /// As few processes as can be, with no name twice in one.
    var processes: [[any Microservice]] {
        var processes: [[any Microservice]] = []
        for service in self.services {
            let name = type(of: service).name
            let free = processes.firstIndex { process in !process.contains { type(of: $0).name == name } }
            if let free { processes[free].append(service) } else { processes.append([service]) }
        }
        return processes
    }
}
