#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The wall clock, in seconds since 1970: only for timestamps that people read.
func unixTime() -> UInt64 { UInt64(clamping: time(nil)) }
