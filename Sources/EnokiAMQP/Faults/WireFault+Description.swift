extension WireFault: CustomStringConvertible {
    /// The fault as it is written in a plan.
    public var description: String {
        let step = "\(self.step)"
        let text =
            switch self.effect {
            case .end(let end, isBefore: true): ".\(end.rawValue)(before: \(step))"
            case .end(let end, isBefore: false): ".\(end.rawValue)(after: \(step))"
            case .silence: ".silence(after: \(step))"
            case .blackhole: ".blackhole(after: \(step))"
            case .stopHeartbeats: ".stopHeartbeats(after: \(step))"
            case .throttle(let rate): ".throttle(after: \(step), bytesPerSecond: \(rate))"
            case .inject(let bytes): ".inject(\(bytes), after: \(step))"
            case .blockPublishers(nil): ".blockPublishers(after: \(step))"
            case .blockPublishers(let duration?): ".blockPublishers(after: \(step), for: \(duration.source))"
            case .lose: ".lose(\(step))"
            case .duplicate: ".duplicate(\(step))"
            case .delay(let delay): ".delay(\(step), by: \(delay.source))"
            case .cut(let count): ".cut(\(step), afterBytes: \(count))"
            case .flip(let byte): ".flip(byte: \(byte), of: \(step))"
            case .wrongEnd(let octet): ".wrongEnd(of: \(step), octet: \(octet))"
            case .resize(let difference): ".wrongSize(of: \(step), by: \(difference))"
            case .wrongSize(let size): ".wrongSize(of: \(step), is: \(size))"
            case .announceBody(let size): ".announceBody(of: \(size), in: \(self.headerStep))"
            }
        switch self.scope {
        case .all: return text
        case .connection(let number): return "\(text).onConnection(\(number))"
        case .name(let name): return "\(text).on(\"\(name)\")"
        }
    }

    /// The step without the kind of its frame, which is a content header.
    private var headerStep: String {
        switch self.step.event {
        case .receives: ".receives(\(self.step.number))"
        case .accepts, .sends: ".sends(\(self.step.number))"
        }
    }
}

extension Duration {
    /// The duration as it is written in source.
    fileprivate var source: String {
        let (seconds, attoseconds) = self.components
        return ".milliseconds(\(seconds * 1000 + attoseconds / 1_000_000_000_000_000))"
    }
}
