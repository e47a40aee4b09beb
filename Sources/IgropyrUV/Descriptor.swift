internal import Glibc

/// Owns a file descriptor: closes it with this value, on every way out, unless another takes it over.
public struct Descriptor: ~Copyable, Sendable {
    /// Of this value still: not to be closed.
    public let number: Int32

    public init(owning number: Int32) { self.number = number }

    deinit { Glibc.close(number) }

    /// For an owner who closes it himself.
    public consuming func take() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// For one that is kept by its number, as in a list.
    public static func close(_ number: Int32) { Glibc.close(number) }

    /// Another descriptor of the same, closed on exec, which the caller owns.
    public static func duplicate(_ number: Int32) throws(UVError) -> Int32 {
        try check(fcntl(number, F_DUPFD_CLOEXEC, 3), errnoOf: "fcntl")
    }
}
