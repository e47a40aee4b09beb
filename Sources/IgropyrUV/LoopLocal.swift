internal import Synchronization

/// A value that each loop has its own of, so that code which runs on several loops needs no lock. Made at its first use
/// on a loop, let go when that loop was stopped.
public final class LoopLocal<Value: AnyObject>: Sendable {
    private let number = nextNumber.add(1, ordering: .relaxed).newValue
    private let make: @Sendable () -> Value

    public init(_ make: @escaping @Sendable () -> Value) { self.make = make }

    /// The value of `loop`, on whose thread this is called.
    public func value(on loop: EventLoop) -> Value {
        loop.preconditionOnLoop()
        if let value = unsafe loop.locals[number] {
            return unsafe unsafeDowncast(value, to: Value.self)  // Nobody else has the number.
        }
        let value = make()
        unsafe loop.locals[number] = value
        return value
    }
}

private let nextNumber = Atomic<Int>(0)
