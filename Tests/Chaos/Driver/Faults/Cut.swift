import EnokiInProcess

/// A fault of one connection: what happens, and when.
struct Cut: Hashable, Sendable, CustomStringConvertible {
    enum Action: String, Hashable, Sendable, CaseIterable {
        /// Both ends get a TCP RST.
        case reset
        /// Both ends are told that the other will say nothing more.
        case finish
        /// Nothing comes through in that direction any more, and nobody is told.
        case blackhole
        /// One bit of the next frame is turned over, where a receiver must notice: in its type, its size or its end.
        case flip
    }

    /// When it happens, counted from when the cut is armed.
    enum Trigger: Hashable, Sendable, CustomStringConvertible {
        /// So many bytes later, wherever in a frame that is.
        case bytes(Int)
        /// After that method has gone through for the n-th time.
        case method(WireMethod, count: Int)

        var description: String {
            switch self {
            case .bytes(let count): "\(count) bytes"
            case .method(let method, let count): "\(method) no. \(count)"
            }
        }
    }

    let action: Action
    /// Whose bytes are counted, and which way is cut where that makes a difference.
    let direction: Direction
    let trigger: Trigger

    var description: String { "\(self.action) \(self.direction) after \(self.trigger)" }
}

extension Cut {
    /// A cut at a random place, after one of `methods` in every second case.
    static func random(
        _ actions: [Action],
        methods: [WireMethod] = WireMethod.everyday,
        _ generator: inout SeededGenerator
    ) -> Cut {
        let action = actions[generator.index(below: actions.count)]
        if generator.index(below: 2) == 0 {
            let method = methods[generator.index(below: methods.count)]
            return Cut(
                action: action,
                direction: method.direction,
                trigger: .method(method, count: 1 + generator.index(below: method.isFrequent ? 20 : 1))
            )
        }
        let direction = Direction.allCases[generator.index(below: 2)]
        return Cut(action: action, direction: direction, trigger: .bytes(generator.index(below: 4000)))
    }
}
