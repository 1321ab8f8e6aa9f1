/// Finds the frames in one direction of an AMQP 0-9-1 connection, however its bytes are cut; it keeps none of them.
struct FrameScanner {
    /// Where a byte stands in its frame.
    enum Position: Hashable {
        /// In `AMQP0091`, which a client sends before its first frame.
        case protocolHeader
        /// In the seven bytes of type, channel and size; 0 is the type.
        case header(Int)
        case payload
        /// The octet 0xCE after the payload.
        case end
    }

    /// The frame that ends with a byte: its type, and class and method if it is a method's.
    struct FrameEnd: Hashable {
        let type: UInt8
        let method: UInt32?
    }

    private var headerLeft: Int
    private var inFrame = 0
    private var type: UInt8 = 0
    private var size = 0
    private var method: UInt32 = 0

    /// A scanner of what a client (`client`) or a broker says.
    init(of side: Direction) { self.headerLeft = side == .toBroker ? 8 : 0 }

    /// Where the next byte stands.
    var position: Position {
        if self.headerLeft > 0 { return .protocolHeader }
        if self.inFrame < 7 { return .header(self.inFrame) }
        return self.inFrame < 7 + self.size ? .payload : .end
    }

    /// Takes bytes up to the end of a frame.
    ///
    /// - Returns: How many it took, all where no frame ends in them, and the frame that has ended.
    mutating func next(_ bytes: UnsafeRawBufferPointer) -> (count: Int, end: FrameEnd?) {
        var index = 0
        while index < bytes.count {
            switch self.position {
            case .protocolHeader:
                self.headerLeft -= 1
                index += 1
            case .header(let place):
                self.takeHeader(bytes[index], at: place)
                index += 1
            case .payload:
                let place = self.inFrame - 7
                let count: Int
                if place < 4 {
                    self.method = self.method << 8 | UInt32(bytes[index])
                    count = 1
                } else {
                    count = min(self.size - place, bytes.count - index)
                }
                self.inFrame += count
                index += count
            case .end:
                let end = FrameEnd(type: self.type, method: self.type == 1 && self.size >= 4 ? self.method : nil)
                self.inFrame = 0
                return (index + 1, end)
            }
        }
        return (index, nil)
    }

    private mutating func takeHeader(_ byte: UInt8, at place: Int) {
        switch place {
        case 0: (self.type, self.size, self.method) = (byte, 0, 0)
        case 3...6: self.size = self.size << 8 | Int(byte)
        default: break
        }
        self.inFrame += 1
    }
}

/// Which way bytes go.
enum Direction: String, Hashable, Sendable, CaseIterable {
    case toBroker
    case toClient
}
