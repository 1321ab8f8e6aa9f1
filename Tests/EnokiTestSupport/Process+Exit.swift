public import Foundation

extension Process {
    /// How it has ended, as the system says; `nil` while it runs, and when Foundation has collected it.
    ///
    /// Foundation notices an end by a socket, which a child's own children hold open too, and those that are started at the same
    /// moment: its `terminationHandler` comes when they have ended as well
    /// (https://github.com/swiftlang/swift-corelibs-foundation/issues/4795).
    public var exit: ChildProcess.Exit? {
        var info = siginfo_t()
        // It stays there for Foundation to collect.
        let options = WEXITED | WNOHANG | WNOWAIT
        guard waitid(P_PID, id_t(bitPattern: self.processIdentifier), &info, options) == 0 else { return nil }
        #if canImport(Darwin)
        let (id, status) = (info.si_pid, info.si_status)
        #else
        let (id, status) = (info._sifields._sigchld.si_pid, info._sifields._sigchld.si_status)
        #endif
        guard id == self.processIdentifier else { return nil }
        return info.si_code == CLD_EXITED ? .status(status) : .signal(status)
    }
}
