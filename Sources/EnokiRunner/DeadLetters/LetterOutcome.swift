/// What a replay or a discard says at its end.
struct LetterOutcome {
    /// What was to be done.
    enum Action: String {
        case replay, discard

        /// What the letters are then.
        var participle: String {
            switch self {
            case .replay: "replayed"
            case .discard: "discarded"
            }
        }
    }

    private let action: Action
    private let report: LetterReport
    private let isDryRun: Bool
    private let isForAll: Bool

    /// - Parameter isForAll: Whether nothing was to be left: it is an error then that there are more than were looked at.
    init(_ action: Action, _ report: LetterReport, isDryRun: Bool = false, isForAll: Bool = false) {
        self.action = action
        self.report = report
        self.isDryRun = isDryRun
        self.isForAll = isForAll
    }

    /// Writes it to the standard output.
    ///
    /// - Throws: ``DeadLetterError`` where not all was done.
    func write(json: Bool) throws {
        if json {
            let report = LetterJSON.Report(self.action.rawValue, self.report, isDryRun: self.isDryRun)
            Console.output.write(try LetterJSON.text(report))
        } else {
            for line in self.lines { Console.output.write(line) }
        }
        if let problem = self.problem { throw DeadLetterError(problem) }
    }

    /// What was done.
    var lines: [String] {
        let done = self.report.done
        let verb = self.isDryRun ? "would be \(self.action.participle)" : self.action.participle
        let table = LetterTable(listings: [], now: Timestamp.unixTime()).table(done, of: self.report.listing.queue)
        let summary = "\(Self.count(done.count)) of \(self.report.listing.queue.shown) \(verb)"
        return (done.isEmpty ? [] : table.lines) + [summary] + self.report.listing.notes
    }

    /// Why that is not all; `nil` where it is.
    var problem: String? {
        let report = self.report
        let left = report.selected - report.done.count
        if let failure = report.failure {
            let rest = "\(failure.text); \(Self.count(left)) not \(self.action.participle)"
            return report.isUncertain ? "\(rest); \(Self.doubt)" : rest
        }
        if report.isUncertain { return "the connection to the broker was lost at the end; \(Self.doubt)" }
        if left > 0 { return "\(Self.count(left)) went elsewhere meanwhile, not \(self.action.participle)" }
        if self.isForAll, !self.isDryRun, report.listing.notLookedAt > 0 {
            return """
                \(Self.count(report.listing.notLookedAt)) of \(report.listing.queue.shown) not \(self.action.participle): no more \
                than \(report.listing.lookedAt) were looked at. Do it again, or give --limit, up to \(DeadLetterQueue.maximumLimit)
                """
        }
        let hasNothing = report.selected == 0 && (!report.listing.exists || report.listing.lookedAt > 0)
        return hasNothing ? report.listing.nothingFound : nil
    }

    private static let doubt =
        "look again before you go on: the last ones that were done may be among the dead letters still"

    /// So many dead letters, in words.
    static func count(_ count: Int) -> String { count == 1 ? "1 dead letter" : "\(count) dead letters" }
}
