#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads what libFuzzer thinks up. `Scripts/fuzz` builds and runs it, once for each target.
///
/// A target reads octets as a peer, a file or a flag may bring them. It finds a trap, a leap out of memory, what takes too
/// long, and the breach of what it checks itself.
enum FuzzTarget: String, CaseIterable {
    /// JSON bodies.
    case json
    /// Requests, replies and events.
    case envelopes
    /// What a broker sends: frames, methods, headers, bodies, through librabbitmq.
    case rabbitmq
    /// What a client sends to the AMQP port.
    case amqp
    /// Whole sessions of the transport with the AMQP port.
    case session
    /// Addresses of brokers and ports.
    case uri
    /// Configuration files.
    case configuration

    /// The target that `ENOKI_FUZZ_TARGET` names.
    static let chosen: FuzzTarget = {
        guard let name = getenv("ENOKI_FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name)) else {
            fatalError("ENOKI_FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue))")
        }
        return target
    }()

    func read(_ octets: [UInt8]) {
        switch self {
        case .json: fuzzJSON(octets)
        case .envelopes: fuzzEnvelopes(octets)
        case .rabbitmq: fuzzRabbitMQ(octets)
        case .amqp: fuzzAMQP(octets)
        case .session: fuzzSession(octets)
        case .uri: fuzzURI(octets)
        case .configuration: fuzzConfiguration(octets)
        }
    }
}

/// Called by libFuzzer for every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.read(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
