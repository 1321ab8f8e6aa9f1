import Enoki
import EnokiRunner

/// The program that the chaos driver starts, stops and kills: services that write down what they do.
@main struct ChaosWorker: ServiceRunner {
    static let name = "chaos-worker"

    var services: [any Microservice] {
        Source()
        Sink()
        Callee()
        Caller()
        Roster()
        Fickle()
        Warehouse()
        Fragile()
        Choir()
        Metronome()
    }
}
