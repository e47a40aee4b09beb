/// An error that may say, in the manner of its own, that the task was cancelled.
package protocol CancellationTelling: Error {
    var isCancellation: Bool { get }
}

extension CancellationError: CancellationTelling {
    package var isCancellation: Bool { true }
}

extension Error {
    /// Who throws it since nobody waits for him any more has not failed.
    package var tellsOfCancellation: Bool { (self as? any CancellationTelling)?.isCancellation ?? false }
}
