internal import Glibc

/// Whether a connection that rests cannot be used again: the other side has closed it, or has said something unasked.
public func isStale(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) >= 0 || errno != EAGAIN
}
