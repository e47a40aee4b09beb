/// A value of a ``LoopLocal`` that has handles open on its loop.
public protocol LoopResident: AnyObject {
    /// The loop was told to stop: what is open on it has to be closed now. Called on its thread.
    func loopWillEnd()
}
