extension Duration {
    /// The duration as people say it, in its largest unit: `45s`, `12m`, `3h`, `5d`.
    var words: String {
        let seconds = max(self.components.seconds, 0)
        return switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m"
        case ..<86_400: "\(seconds / 3600)h"
        default: "\(seconds / 86_400)d"
        }
    }

    /// A duration in words: a whole number with its unit, `s`, `m`, `h` or `d`.
    init?(words: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = words.last.flatMap({ units[$0] }), let number = Int64(words.dropLast()), number >= 0 else {
            return nil
        }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        self = .seconds(seconds)
    }
}
