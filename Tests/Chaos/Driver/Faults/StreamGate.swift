/// Decides, for one direction of one connection, which bytes go through; performs no I/O.
struct StreamGate {
    /// What becomes of a piece of the stream.
    struct Passage: Hashable {
        /// How many of its bytes go through, maybe changed.
        let count: Int
        /// The cut that happens then; of what is left nothing goes through.
        let cut: Cut?
        /// The methods whose frames ended in what goes through.
        let methods: [UInt32]
    }

    private let direction: Direction
    private var scanner: FrameScanner
    private var armed: Cut?
    private var counted = 0
    /// Whether the next frame is to be damaged, and in which byte.
    private var flip: FrameScanner.Position?
    private var isFlipped = false

    init(_ direction: Direction) {
        self.direction = direction
        self.scanner = FrameScanner(of: direction)
    }

    /// Waits for `cut`, in the place of another one.
    mutating func arm(_ cut: Cut?) {
        guard self.armed != cut else { return }
        self.armed = cut?.direction == self.direction ? cut : nil
        self.counted = 0
        self.flip = nil
    }

    /// Takes a piece of the stream.
    mutating func pass(_ bytes: UnsafeMutableRawBufferPointer) -> Passage {
        var methods: [UInt32] = []
        var index = 0
        while index < bytes.count {
            if let cut = self.armed, self.isDue(cut) {
                guard cut.action == .flip else { return self.cut(cut, after: index, methods) }
                self.flip = self.flip ?? self.place(of: cut)
            }
            var rest = UnsafeRawBufferPointer(rebasing: bytes[index...])
            // To the byte, where bytes are counted or one is to be changed.
            if case .bytes(let wanted)? = self.armed?.trigger, self.counted < wanted {
                rest = UnsafeRawBufferPointer(rebasing: rest.prefix(wanted - self.counted))
            }
            if let flip = self.flip {
                if self.scanner.position == flip {
                    bytes[index] ^= 0x40
                    let cut = self.armed
                    // The scanner sees it as it was: it is the receiver that must notice.
                    var original = bytes[index] ^ 0x40
                    let end = withUnsafeBytes(of: &original) { self.scanner.next($0).end }
                    if let method = end?.method { methods.append(method) }
                    (self.armed, self.flip) = (nil, nil)
                    return Passage(count: index + 1, cut: cut, methods: methods)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.prefix(1))
            }
            let (count, end) = self.scanner.next(rest)
            index += count
            self.count(count, end)
            if let method = end?.method { methods.append(method) }
        }
        if let cut = self.armed, cut.action != .flip, self.isDue(cut) { return self.cut(cut, after: index, methods) }
        return Passage(count: index, cut: nil, methods: methods)
    }

    private mutating func cut(_ cut: Cut, after count: Int, _ methods: [UInt32]) -> Passage {
        self.armed = nil
        return Passage(count: count, cut: cut, methods: methods)
    }

    private mutating func count(_ bytes: Int, _ end: FrameScanner.FrameEnd?) {
        switch self.armed?.trigger {
        case .bytes: self.counted += bytes
        case .method(let method, _): if end?.method == method.rawValue { self.counted += 1 }
        case nil: break
        }
    }

    private func isDue(_ cut: Cut) -> Bool {
        switch cut.trigger {
        case .bytes(let count), .method(_, let count): self.counted >= count
        }
    }

    /// Type, size, or end: nowhere else must a receiver notice.
    ///
    /// Of the size RabbitMQ notices at once what makes a frame larger than was agreed, and no more: it waits for the rest of any other
    /// frame as long as heartbeats come.
    private func place(of cut: Cut) -> FrameScanner.Position {
        let number =
            switch cut.trigger {
            case .bytes(let count): count
            case .method(let method, let count): Int(method.rawValue) + count
            }
        var places: [FrameScanner.Position] = [.header(3), .end, .header(0), .header(4)]
        if self.direction == .toClient { places += [.header(5), .header(6)] }
        return places[number % places.count]
    }
}
