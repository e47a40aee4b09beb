internal import Glibc

/// Ends other processes with this one, however it ends: a pipe of which this process has the one end, and they the
/// other, at which they ``follow(_:on:)``. Not `Sendable`.
///
/// Unlike with `PR_SET_PDEATHSIG`, this process may replace its program meanwhile (``duplicate()``): `execve` ends the
/// thread that has started them. And they may hand their end to processes of their own.
public final class Lifeline {
    private let descriptor: Int32

    /// Also makes the other end, closed on exec, which the caller owns.
    /// - Throws: `UV_EMFILE`, `UV_ENFILE`.
    public static func make() throws(UVError) -> (lifeline: Lifeline, end: Int32) {
        let (ours, theirs) = try PulledStream.pipe(childReads: true)
        return (Lifeline(owning: ours), theirs)
    }

    /// Goes on with that of this program before it was replaced.
    public init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { Glibc.close(descriptor) }

    /// Another descriptor of it, for this program's successor.
    public func duplicate() throws(UVError) -> Int32 { try Descriptor.duplicate(descriptor) }

    /// Ends this process at once, with exit code 1, when nobody holds the lifeline any more of which this is the other
    /// end; until the poller is closed. To be called on `loop`.
    public static func follow(_ end: Int32, on loop: EventLoop) throws(UVError) -> Poller {
        _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        let poller = try Poller(on: loop, descriptor: end)
        try poller.start { _exit(1) }
        return poller
    }
}
