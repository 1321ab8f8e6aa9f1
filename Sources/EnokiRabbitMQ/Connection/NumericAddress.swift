#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An IPv4 or IPv6 address in numbers.
struct NumericAddress {
    private let octets: [UInt8]

    /// `nil` where `text` is something else, such as a name.
    init?(_ text: String) {
        var (four, six) = (in_addr(), in6_addr())
        if inet_pton(AF_INET, text, &four) == 1 {
            self.octets = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self.octets = withUnsafeBytes(of: six) { Array($0) }
        } else {
            return nil
        }
    }

    /// Whether it leads to nobody but this machine.
    var isLoopback: Bool {
        if self.octets.count == 4 { return self.octets[0] == 127 }
        let zeros = [UInt8](repeating: 0, count: 10)
        // An IPv4 address in an IPv6 one, RFC 4291 §2.5.5.2.
        if self.octets.starts(with: zeros + [255, 255]) { return self.octets[12] == 127 }
        return self.octets == zeros + [0, 0, 0, 0, 0, 1]
    }
}
