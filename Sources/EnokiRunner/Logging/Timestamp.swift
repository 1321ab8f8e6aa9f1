#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An instant in UTC, as ISO 8601 with milliseconds.
struct Timestamp: Sendable, Hashable, CustomStringConvertible {
    /// Since 1970-01-01 00:00:00 UTC, without leap seconds.
    let seconds: Int
    /// What is left of a second.
    let nanoseconds: Int

    /// The present.
    static var now: Timestamp {
        let time = Date.now.timeIntervalSince1970
        let seconds = time.rounded(.down)
        return Timestamp(seconds: Int(seconds), nanoseconds: Int((time - seconds) * 1_000_000_000))
    }

    /// The present in whole seconds since 1970, as AMQP counts.
    static func unixTime() -> UInt64 { UInt64(clamping: Self.now.seconds) }

    var description: String {
        let (days, second) = (self.seconds / 86_400, self.seconds % 86_400)
        let (year, month, day) = Self.date(daysSince1970: days)
        let time = [second / 3600, second / 60 % 60, second % 60].map { Self.padded($0, 2) }.joined(separator: ":")
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(time)"
            + ".\(Self.padded(self.nanoseconds / 1_000_000, 3))Z"
    }

    /// The Gregorian date, for days from 1970 on. Years begin in March here, so that the leap day is the last of its year.
    private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let day = days + 719_468
        let era = day / 146_097
        let dayOfEra = day % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(width - digits.utf8.count, 0)) + digits
    }
}
