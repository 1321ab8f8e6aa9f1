import ChaosLedger

extension Verdict {
    /// Judges what processes hold while they work for a time: memory by its line, descriptors and threads by their number,
    /// each after a fifth of the time.
    ///
    /// - Parameters:
    ///   - messages: How many went through each, to say what each of them left behind.
    ///   - kilobytes: What the line of a process's memory may rise in all, and what a process may take that grows no more.
    mutating func judgeTrails(_ trails: [Trail], messages: Int, kilobytesAtMost kilobytes: Int) {
        if trails.isEmpty { self.violation("no process was watched: the run proves nothing") }
        for trail in trails.map(\.settled) {
            // A line through a few points rises or falls by chance.
            if trail.samples.count < 20 { self.violation("\(trail.name) was seen only \(trail.samples.count) times") }
            let slope = trail.slope(of: \.memory)
            let seconds = Double(trail.length.milliseconds) / 1000
            let rise = Int(slope * seconds)
            self.note(
                "memory of \(trail.name)",
                "\((trail.samples.last?.footprint.memory ?? 0) / 1_048_576) MB, "
                    + "\(Int(slope * 3600 / 1_048_576)) MB an hour, \(rise / max(messages, 1)) bytes a message"
            )
            self.expect("kilobytes that \(trail.name) rises by", rise / 1024, atMost: kilobytes)
            self.expect("descriptors that \(trail.name) gains", trail.growth(of: \.descriptors), atMost: 0)
            // The pools of the system's libraries have one more or less; what each reconnect left behind would be a dozen.
            self.expect("threads that \(trail.name) gains", trail.growth(of: \.threads), atMost: 2)
        }
    }

    /// Judges how long events took from publisher to handler, in the first and in the last third of a time.
    mutating func judgeDrift(_ history: History, from start: Instant, to end: Instant) {
        let times = history.messages.values.compactMap { message in
            message.sent.min().flatMap { sent in message.done.map(\.time).min().map { (sent, $0 - sent) } }
        }
        let third = (end - start) / 3
        let first = Statistics(times.filter { $0.0 > start && $0.0 < start + third }.map(\.1))
        let last = Statistics(times.filter { $0.0 > start + third * 2 && $0.0 < end }.map(\.1))
        self.note("events took, in the first third", first)
        self.note("events took, in the last third", last)
        if first.count == 0 || last.count == 0 { self.violation("no events at the beginning or at the end") }
        // Twice as long, and what a busy machine takes: a hundredth is on its way when a process stands still for seconds.
        for (name, share, slack) in [("half", 0.5, Duration.seconds(1)), ("99 %", 0.99, Duration.seconds(5))] {
            self.expect("\(name) in the last third", last.quantile(share), atMost: first.quantile(share) * 2 + slack)
        }
    }
}
