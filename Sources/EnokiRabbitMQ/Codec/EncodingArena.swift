import CRabbitMQ

/// Memory for what librabbitmq's encoders point to: strings, table entries, field values.
///
/// It is taken from the front to the back and given back all at once, so a message costs no allocation.
final class EncodingArena {
    private var blocks: [UnsafeMutableRawBufferPointer]
    private var block = 0
    private var used = 0

    init() {
        self.blocks = [.allocate(byteCount: 16 * 1024, alignment: 16)]
    }

    deinit {
        for block in self.blocks { block.deallocate() }
    }

    /// Makes all memory free again. Pointers handed out before are invalid from here on.
    func reset() {
        self.block = 0
        self.used = 0
        // A rare giant must not stay for ever.
        while self.blocks.count > 1 { self.blocks.removeLast().deallocate() }
    }

    private func take(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        var start = (self.used + alignment - 1) & ~(alignment - 1)
        if start + byteCount > self.blocks[self.block].count {
            let size = max(byteCount, self.blocks[self.block].count * 2)
            self.blocks.append(.allocate(byteCount: size, alignment: 16))
            self.block = self.blocks.count - 1
            start = 0
        }
        self.used = start + byteCount
        return self.blocks[self.block].baseAddress.unsafelyUnwrapped + start
    }

    /// Copies the UTF-8 of `string`.
    func bytes(_ string: String) -> amqp_bytes_t {
        let utf8 = string.utf8
        guard let result = utf8.withContiguousStorageIfAvailable({ self.bytes(UnsafeRawBufferPointer($0)) }) else {
            return Array(utf8).withUnsafeBytes { self.bytes($0) }
        }
        return result
    }

    /// Copies `source`.
    func bytes(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        guard source.count > 0, let address = source.baseAddress else { return amqp_bytes_t(len: 0, bytes: nil) }
        let copy = self.take(byteCount: source.count, alignment: 1)
        copy.copyMemory(from: address, byteCount: source.count)
        return amqp_bytes_t(len: source.count, bytes: copy)
    }

    /// Room for `count` values of a C type, not initialised.
    func array<Element>(
        of type: Element.Type,
        count: Int
    ) -> UnsafeMutablePointer<Element> {
        self.take(byteCount: MemoryLayout<Element>.stride * count, alignment: MemoryLayout<Element>.alignment)
            .bindMemory(to: type, capacity: count)
    }
}
