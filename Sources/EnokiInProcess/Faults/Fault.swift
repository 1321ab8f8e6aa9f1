/// Something that goes wrong at one step of what a broker does.
///
/// ```swift
/// [.dropConnection(after: .publish(2)), .duplicate(.delivery(1)), .loseConfirm(of: .publish(5))]
/// ```
public struct Fault: Sendable, Hashable {
    /// A step of what a broker does, counted from 1 over all connections, or over one where the fault names it.
    public struct Step: Sendable, Hashable {
        enum Kind: String, Sendable, CaseIterable { case publish, delivery, acknowledgement }

        let kind: Kind
        let number: Int

        /// The broker gets its `number`th message.
        public static func publish(_ number: Int) -> Step { Step(kind: .publish, number: number) }
        /// The broker sends its `number`th message to a consumer.
        public static func delivery(_ number: Int) -> Step { Step(kind: .delivery, number: number) }
        /// The broker gets its `number`th answer to a delivery.
        public static func acknowledgement(_ number: Int) -> Step { Step(kind: .acknowledgement, number: number) }
    }

    /// A step that has a confirm.
    public struct PublishStep: Sendable, Hashable {
        let step: Step

        /// The broker gets its `number`th message.
        public static func publish(_ number: Int) -> PublishStep { PublishStep(step: .publish(number)) }
    }

    /// A step that has a consumer.
    public struct DeliveryStep: Sendable, Hashable {
        let step: Step

        /// The broker sends its `number`th message to a consumer.
        public static func delivery(_ number: Int) -> DeliveryStep { DeliveryStep(step: .delivery(number)) }
    }

    enum Effect: Sendable, Hashable {
        case dropConnection(isBefore: Bool)
        case restart
        case loseConfirm
        case delayConfirm(Duration)
        case duplicate
        case cancelConsumer
        case blockPublishers(Duration)
    }

    let effect: Effect
    let step: Step
    /// The name of the connection that it is for; `nil` is any.
    var connection: String?

    /// The connection is lost before the step: what was to be done is not done, and its sender cannot know.
    public static func dropConnection(before step: Step) -> Fault {
        Fault(effect: .dropConnection(isBefore: true), step: step)
    }

    /// The connection is lost after the step: it is done, and its sender cannot know.
    public static func dropConnection(after step: Step) -> Fault {
        Fault(effect: .dropConnection(isBefore: false), step: step)
    }

    /// The broker is restarted after the step, which loses all connections and all that is not durable.
    public static func restart(after step: Step) -> Fault { Fault(effect: .restart, step: step) }

    /// The message is in its queues, and its confirm never comes.
    public static func loseConfirm(of publish: PublishStep) -> Fault {
        Fault(effect: .loseConfirm, step: publish.step)
    }

    /// The message is in its queues, and its confirm comes `delay` later, by the broker's clock.
    public static func delayConfirm(of publish: PublishStep, by delay: Duration) -> Fault {
        Fault(effect: .delayConfirm(delay), step: publish.step)
    }

    /// The message is in its queue once more after the delivery, as one that may have been delivered before.
    public static func duplicate(_ delivery: DeliveryStep) -> Fault {
        Fault(effect: .duplicate, step: delivery.step)
    }

    /// The broker cancels the consumer after it got the delivery.
    public static func cancelConsumer(after delivery: DeliveryStep) -> Fault {
        Fault(effect: .cancelConsumer, step: delivery.step)
    }

    /// The broker takes no messages for `duration` after the step, by its clock.
    public static func blockPublishers(after publish: PublishStep, for duration: Duration) -> Fault {
        Fault(effect: .blockPublishers(duration), step: publish.step)
    }

    /// The same fault for one connection alone, whose steps alone are counted.
    ///
    /// - Parameter connection: The name of the connection; in a test of services `instance-0`, `instance-1`, … for those of
    ///   the services, and `client` for the test's own.
    public func on(_ connection: String) -> Fault {
        var fault = self
        fault.connection = connection
        return fault
    }
}

extension Fault: CustomStringConvertible {
    /// The fault as it is written in a plan.
    public var description: String {
        let step = "\(self.step)"
        let text =
            switch self.effect {
            case .dropConnection(isBefore: true): ".dropConnection(before: \(step))"
            case .dropConnection(isBefore: false): ".dropConnection(after: \(step))"
            case .restart: ".restart(after: \(step))"
            case .loseConfirm: ".loseConfirm(of: \(step))"
            case .delayConfirm(let delay): ".delayConfirm(of: \(step), by: \(delay.source))"
            case .duplicate: ".duplicate(\(step))"
            case .cancelConsumer: ".cancelConsumer(after: \(step))"
            case .blockPublishers(let duration): ".blockPublishers(after: \(step), for: \(duration.source))"
            }
        return self.connection.map { "\(text).on(\"\($0)\")" } ?? text
    }
}

extension Fault.Step: CustomStringConvertible {
    /// The step as it is written in a plan.
    public var description: String { ".\(self.kind.rawValue)(\(self.number))" }
}

extension Duration {
    /// The duration as it is written in source.
    fileprivate var source: String {
        let milliseconds = self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000
        return ".milliseconds(\(milliseconds))"
    }
}
