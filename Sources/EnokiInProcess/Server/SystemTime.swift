#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The wall clock, which only the timestamps of dead letters need.
enum SystemTime {
    static var secondsSince1970: Int { time(nil) }
}
