/// An actor whose code runs on one event loop, so that it may own what is opened there.
///
/// libuv's callbacks enter it by `assumeIsolated`; other threads `await` it.
public protocol LoopBound: Actor {
    nonisolated var loop: EventLoop { get }
}

extension LoopBound {
    nonisolated public var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
}
