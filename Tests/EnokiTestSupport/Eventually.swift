/// A condition that did not come true in time.
public struct ConditionNotMet: Error, CustomStringConvertible {
    /// What was waited for, for how long, and what was seen instead.
    public let description: String
}

/// Looks at `observe` again and again until `condition` holds for it, and returns what it saw then.
///
/// An error that `observe` throws means not yet, such as for a queue that is still to be declared.
///
/// - Parameters:
///   - description: What is waited for, as a sentence that the failure repeats: "the queue has three messages".
///   - limit: When to give up, in real time; generous, since a busy machine is no failure.
/// - Throws: ``ConditionNotMet`` with what was seen last; `CancellationError` when the task is cancelled.
@discardableResult
public func eventually<Value>(
    _ description: String,
    within limit: Duration = .seconds(30),
    _ observe: () async throws -> Value,
    until condition: (Value) -> Bool
) async throws -> Value {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: limit)
    var pause = Duration.milliseconds(1)
    var seen: String
    var looks = 0
    repeat {
        looks += 1
        try Task.checkCancellation()
        do {
            let value = try await observe()
            if condition(value) { return value }
            seen = "\(value)"
        } catch {
            seen = "error \(error)"
        }
        try await clock.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(50))
        // Where tasks did not run for so long, what is waited for had no time either.
    } while clock.now < deadline || looks < 100
    throw ConditionNotMet(description: "Not within \(limit): \(description). Last seen: \(seen)")
}

/// Looks until `condition` is true.
///
/// - Throws: ``ConditionNotMet``; `CancellationError` when the task is cancelled.
public func eventually(
    _ description: String,
    within limit: Duration = .seconds(30),
    _ condition: () async throws -> Bool
) async throws {
    try await eventually(description, within: limit, condition, until: { $0 })
}

/// Looks until what is observed equals `expected`.
///
/// - Throws: ``ConditionNotMet`` with what was seen last; `CancellationError` when the task is cancelled.
public func eventually<Value: Equatable>(
    _ description: String,
    equals expected: Value,
    within limit: Duration = .seconds(30),
    _ observe: () async throws -> Value
) async throws {
    try await eventually("\(description) (expected \(expected))", within: limit, observe, until: { $0 == expected })
}
