import EnokiBroker
import EnokiTestSupport

/// Connections and channels to one broker, on which a random way is gone, one step at a time.
final class RandomRun {
    /// What a step did.
    struct Observation: Equatable {
        /// What the method was answered with.
        var reply = ""
        /// What was returned on each channel, in order; a delivery of the same step comes before or after.
        var returns = Array(repeating: [String](), count: RandomWays.channels)
        /// What else came on each channel, in order, without confirms.
        var events = Array(repeating: [String](), count: RandomWays.channels)
        /// What was confirmed on each channel, in the order of publication.
        var confirms = Array(repeating: [String](), count: RandomWays.channels)
        /// The state of each queue.
        var queues: [String] = []

        /// Line by line, without what is empty.
        var lines: [String] {
            var lines = ["-> \(self.reply)"]
            for (channel, events) in self.events.enumerated() where !events.isEmpty {
                lines.append("   on \(channel): \(events)")
            }
            for (channel, returns) in self.returns.enumerated() where !returns.isEmpty {
                lines.append("   on \(channel): \(returns)")
            }
            for (channel, confirms) in self.confirms.enumerated() where !confirms.isEmpty {
                lines.append("   on \(channel) confirmed: \(confirms)")
            }
            lines.append("   \(self.queues.joined(separator: "; "))")
            return lines
        }
    }

    private let peer: any AMQPPeer
    private let trace: Trace
    private var connections: [any AMQPPeerConnection] = []
    private var channels: [any AMQPPeerChannel] = []
    private var observer: any AMQPPeerConnection
    private var observerChannel: any AMQPPeerChannel
    private var isClosed = Array(repeating: false, count: RandomWays.channels)
    private var confirming = Array(repeating: false, count: RandomWays.channels)
    private var sequence = Array(repeating: UInt64(0), count: RandomWays.channels)
    private var unconfirmed = Array(repeating: Set<UInt64>(), count: RandomWays.channels)
    private var withoutAcks = Array(repeating: Set<String>(), count: RandomWays.channels)
    /// The tags of deliveries that nobody has settled, of each channel.
    private(set) var unsettled = Array(repeating: [UInt64](), count: RandomWays.channels)

    private var missing: Set<String> = []

    /// The channels that hold deliveries of a queue that is gone.
    var channelsWithDeliveriesOfNoQueue: [Int] {
        self.unsettled.indices.filter { !self.unsettled[$0].isEmpty && self.missing.contains(RandomWays.queue(of: $0)) }
    }

    init(_ peer: any AMQPPeer) async throws {
        self.peer = peer
        self.trace = Trace(virtualHost: peer.virtualHost)
        self.observer = try await peer.connect()
        self.observerChannel = try await self.observer.openChannel()
        for _ in 0..<RandomWays.channels / 2 { self.connections.append(try await peer.connect()) }
        for number in 0..<RandomWays.channels {
            self.channels.append(try await self.connections[number / 2].openChannel())
        }
    }

    /// Does a step, and starts an observation with its answer.
    func perform(_ method: AMQPMethod, on number: Int) async throws -> Observation {
        var observation = Observation()
        switch method {
        case .confirmSelect: break
        case .basicPublish where self.confirming[number]:
            self.sequence[number] += 1
            self.unconfirmed[number].insert(self.sequence[number])
        case .basicAck(let tag, let multiple), .basicNack(let tag, let multiple, _):
            self.unsettled[number].removeAll { $0 == tag || multiple && ($0 < tag || tag == 0) }
        case .basicReject(let tag, _): self.unsettled[number].removeAll { $0 == tag }
        case .basicConsume(_, let tag, _, noAck: true, _, _): self.withoutAcks[number].insert(tag)
        case .basicRecover: self.unsettled[number] = []
        default: break
        }
        do {
            let reply = try await self.channels[number].call(method)
            observation.reply = self.trace.normalised("\(reply)")
            if case .message(let delivery, _) = reply, case .basicGet(_, false) = method {
                self.unsettled[number].append(delivery.deliveryTag)
            }
            if case .confirmSelect = method { self.confirming[number] = true }
            if case .channelClose = method { self.isClosed[number] = true }
        } catch let closure as AMQPClosure {
            observation.reply = self.trace.normalised("\(closure)")
            self.close(number, closure)
        }
        return observation
    }

    /// Adds to the observation what has come meanwhile, and looks at the queues.
    func observe(_ observation: inout Observation) async throws {
        for number in 0..<RandomWays.channels where !self.isClosed[number] {
            // What was sent before the answer has come then.
            do {
                _ = try await self.channels[number].call(
                    .exchangeDeclare(Exchange("amq.direct", .direct), passive: true)
                )
            } catch let closure as AMQPClosure {
                observation.events[number].append(self.trace.normalised("closed: \(closure)"))
                self.close(number, closure)
            }
        }
        for number in 0..<RandomWays.channels { self.take(eventsOf: number, into: &observation) }
        observation.queues = []
        for queue in RandomWays.queues { observation.queues.append(try await self.state(of: queue)) }
    }

    /// Opens what the step has closed anew.
    ///
    /// - Returns: The channels that are new.
    func reopen() async throws -> [Int] {
        var new: [Int] = []
        for number in 0..<RandomWays.channels where self.isClosed[number] {
            do {
                self.channels[number] = try await self.connections[number / 2].openChannel()
            } catch is AMQPClosure {
                self.connections[number / 2] = try await self.peer.connect()
                self.channels[number] = try await self.connections[number / 2].openChannel()
            }
            self.isClosed[number] = false
            self.confirming[number] = false
            self.sequence[number] = 0
            self.unconfirmed[number] = []
            self.unsettled[number] = []
            self.withoutAcks[number] = []
            new.append(number)
        }
        return new
    }

    /// Takes what is left in the queues.
    func contents() async throws -> [String] {
        var lines: [String] = []
        for connection in self.connections { try await connection.close() }
        for queue in RandomWays.queues where try await !self.state(of: queue).hasSuffix("none") {
            _ = try await self.observerChannel.call(.queueDeclare(Queue(queue), passive: true))
            while true {
                let reply = try await self.observerChannel.call(.basicGet(queue, noAck: true))
                guard case .message(var delivery, _) = reply else { break }
                delivery.deliveryTag = 0
                lines.append("\(queue): \(delivery)")
            }
        }
        try await self.observer.close()
        return lines
    }

    private func state(of queue: String) async throws -> String {
        do {
            let reply = try await self.observerChannel.call(.queueDeclare(Queue(queue), passive: true))
            self.missing.remove(queue)
            return "\(reply)"
        } catch let closure as AMQPClosure {
            self.observerChannel = try await self.observer.openChannel()
            if closure.code == 404 { self.missing.insert(queue) }
            return closure.code == 404 ? "\(queue) none" : "\(queue) locked"
        }
    }

    private func close(_ number: Int, _ closure: AMQPClosure) { self.isClosed[number] = true }

    private func take(eventsOf number: Int, into observation: inout Observation) {
        while let event = self.channels[number].events.take({ $0 }) {
            switch event {
            case .acked(let tag, let multiple): self.confirm(number, tag, multiple, "", &observation)
            case .nacked(let tag, let multiple): self.confirm(number, tag, multiple, "refused ", &observation)
            case .closed(let closure):
                observation.events[number].append(self.trace.normalised("\(event)"))
                self.close(number, closure)
            case .deliver(let delivery):
                observation.events[number].append(self.trace.normalised("\(event)"))
                if !self.withoutAcks[number].contains(delivery.consumerTag ?? "") {
                    self.unsettled[number].append(delivery.deliveryTag)
                }
            case .returned: observation.returns[number].append(self.trace.normalised("\(event)"))
            default: observation.events[number].append(self.trace.normalised("\(event)"))
            }
        }
    }

    private func confirm(
        _ number: Int,
        _ tag: UInt64,
        _ multiple: Bool,
        _ word: String,
        _ observation: inout Observation
    ) {
        let tags = multiple ? self.unconfirmed[number].filter { $0 <= tag } : [tag]
        self.unconfirmed[number].subtract(tags)
        observation.confirms[number] += tags.map { "\(word)\($0)" }
        observation.confirms[number].sort()
    }
}
