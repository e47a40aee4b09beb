internal import Glibc

/// Text as C has it, for as long as this object lives: libmariadb keeps to pointers while it waits.
@safe
final class CText {
    let pointer: UnsafeMutablePointer<CChar>
    let count: Int
    private let capacity: Int

    /// With room for another text of `room` bytes, too.
    init(_ text: String, room: Int = 0) {
        count = text.utf8.count
        capacity = max(count, room) + 1
        unsafe pointer = .allocate(capacity: capacity)
        replace(with: text)
    }

    deinit { unsafe pointer.deallocate() }

    /// To be of no more bytes than there is room for.
    func replace(with text: String) {
        precondition(text.utf8.count < capacity)
        unsafe pointer.initialize(repeating: 0, count: capacity)
        for (index, byte) in text.utf8.enumerated() { unsafe pointer[index] = CChar(bitPattern: byte) }
    }
}
