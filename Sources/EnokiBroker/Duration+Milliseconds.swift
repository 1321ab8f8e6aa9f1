extension Duration {
    /// Whole milliseconds, as AMQP and `poll` count; rounded up, so that nothing ends before its time, and bounded to what
    /// the type can hold.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (thousands, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let rest = attoseconds / 1_000_000_000_000_000 + (attoseconds % 1_000_000_000_000_000 > 0 ? 1 : 0)
        let (sum, sumOverflow) = thousands.addingReportingOverflow(rest)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }
}
