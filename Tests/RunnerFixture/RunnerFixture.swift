import Enoki
import EnokiRunner

/// A program whose services do what a runner must be able to cope with.
@main struct RunnerFixture: ServiceRunner {
    static let name = "fixture"
    static let version = "9.8.7"

    var services: [any Microservice] {
        Steady()
        Brief()
        Slow()
        Stubborn()
        Leaking()
        Broken()
        Failing()
        Twins()
        Talkative()
        Blocking()
        Stuck()
    }
}
