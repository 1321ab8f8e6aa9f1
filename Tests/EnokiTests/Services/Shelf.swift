import Enoki

/// Something of a service, such as its stock, that several workers use: what a service's state lives in.
final class Shelf<Element: Sendable>: DependencyProvider {
    private let content = Locked<[Element]>([])

    func put(_ element: Element) { self.content.withLock { $0.append(element) } }

    var elements: [Element] { self.content.withLock { $0 } }
}
