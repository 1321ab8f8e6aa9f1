import EnokiBroker

/// A list that callbacks fill and a test waits for.
public final class Collector<Element: Sendable>: Sendable {
    private let list = Locked<[Element]>([])

    /// An empty list.
    public init() {}

    /// What was collected, in order of arrival.
    public var elements: [Element] { self.list.withLock { $0 } }

    /// How many elements were collected.
    public var count: Int { self.list.withLock { $0.count } }

    /// Adds an element; from any thread, without waiting.
    public func append(_ element: Element) { self.list.withLock { $0.append(element) } }

    /// Waits until there are `count` elements and returns the first so many.
    ///
    /// - Throws: ``ConditionNotMet`` with what came instead.
    @discardableResult
    public func first(_ count: Int = 1, within limit: Duration = .seconds(30)) async throws -> [Element] {
        let elements = try await eventually("\(count) elements were collected", within: limit) {
            self.elements
        } until: {
            $0.count >= count
        }
        return Array(elements.prefix(count))
    }
}
