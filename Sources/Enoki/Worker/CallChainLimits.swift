/// How many calls may wait for one; decides whether another is made.
///
/// A method that calls itself takes a worker for each turn, and one that two services call in turn takes those of both, until the
/// first caller's time is over. For an event nobody waits, so that it begins anew.
public struct CallChainLimits: Sendable, Hashable {
    /// How often one entrypoint may stand in the chain of calls that wait for a call of it; 0 is any number. By default 8, so that a
    /// recursion by itself never takes all of a service's ten workers (``ServiceSettings/maxWorkers``).
    ///
    /// It sees the ids that travel with a call, as many as ``ServiceSettings/parentCallsTracked`` of the last sender.
    public var repeats = 8
    /// How many calls may wait for one; 0 is any number. By default 16, so that two services that call each other do not take all
    /// workers either.
    ///
    /// Enoki's services count them beyond the ids that travel, also where nameko's stand between them.
    public var depth = 16

    /// The defaults.
    public init() {}

    /// Why `entrypoint` of `service` is not to be called after `parents`; `nil` when it may be.
    func excess(_ service: String, _ entrypoint: String, after parents: CallContext) -> CallChainExceeded? {
        let isTooDeep = self.depth > 0 && parents.depth >= self.depth
        // Most chains are short, and cost nothing more.
        guard isTooDeep || (self.repeats > 0 && parents.depth >= self.repeats) else { return nil }
        let name = "\(service).\(entrypoint)"
        let calls = parents.callIDStack.suffix(parents.depth).map(Self.name)
        let earlier = calls.indices.filter { calls[$0].hasSameBytes(as: name) }
        let isRepeated = self.repeats > 0 && earlier.count >= self.repeats
        guard isTooDeep || isRepeated else { return nil }
        // From the last time that it was called, or as much as there is.
        let way = calls[(earlier.last ?? calls.startIndex)...]
        return CallChainExceeded(
            call: name,
            limit: isRepeated ? .repeats : .depth,
            count: isRepeated ? earlier.count : parents.depth,
            chain: way + [name]
        )
    }

    /// A call's id without its last word.
    private static func name(ofCall id: String) -> String {
        id.utf8.lastIndex(of: UInt8(ascii: ".")).map { String(id[..<$0]) } ?? id
    }

    /// Checks what no type can.
    func validate() throws(ConfigurationError) {
        for (key, value) in [(ServiceSettings.Key.callRepeatLimit, self.repeats), (.callDepthLimit, self.depth)] {
            guard (0...1000).contains(value) else {
                throw ConfigurationError(
                    "\(key.rawValue) is \(value): give a number from 1 to 1000, or 0 for none"
                )
            }
        }
    }
}
