import DequeModule

/// The latest of many elements, oldest first: as many as there are room for, and always the last one.
struct RecentList<Element> {
    private static var limit: Int { 1000 }
    private static var byteLimit: Int { 16 * 1024 * 1024 }

    private(set) var elements = Deque<Element>()
    private var byteCounts = Deque<Int>()
    private var byteCount = 0

    /// - Parameter byteCount: What the element weighs.
    mutating func append(_ element: Element, byteCount: Int) {
        self.elements.append(element)
        self.byteCounts.append(byteCount)
        self.byteCount += byteCount
        while self.elements.count > 1, self.elements.count > Self.limit || self.byteCount > Self.byteLimit {
            self.elements.removeFirst()
            self.byteCount -= self.byteCounts.removeFirst()
        }
    }
}
