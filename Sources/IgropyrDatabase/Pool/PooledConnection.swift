public import IgropyrUV

/// A connection that a ``ConnectionPool`` lends; an actor of the pool's loop.
public protocol PooledConnection: LoopBound {
    associatedtype ServerError: Error & Equatable

    /// Whether the next borrower may have it: it is whole, nothing waits to be read, no transaction is open.
    var isUsable: Bool { get }

    /// Why nothing can be asked any more; nil as long as it is whole.
    var failure: DatabaseError<ServerError>? { get }

    /// What was asked last, as logs name it: without the values of parameters.
    var asked: String { get }

    /// Ends it at once; whoever waits for something of it is told. Idempotent.
    func close()
}
