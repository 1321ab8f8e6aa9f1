import NIOCore

/// Counts connections in the order in which they come; next to the socket that listens.
///
/// Each goes on on an event loop of its own, where the order is lost.
final class WireAcceptHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private let faults: WireFaults

    init(faults: WireFaults) { self.faults = faults }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.faults.accept(ObjectIdentifier(self.unwrapInboundIn(data)))
        context.fireChannelRead(data)
    }
}
