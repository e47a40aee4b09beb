internal import CHiredis

/// What answers may still take in memory. hiredis allocates an array by the length that the server tells, before any
/// element has come, and has no limit of its own but that of depth; so its makers are asked through ours, which count.
@safe
final class RedisAllowance {
    /// What hiredis and ``RedisValue`` take for an element, whatever it is, about.
    private static let elementBytes = 64

    let limitBytes: Int
    private let left: UnsafeMutablePointer<Int>

    init(_ limitBytes: Int) {
        self.limitBytes = limitBytes
        unsafe left = .allocate(capacity: 1)
        unsafe left.initialize(to: limitBytes)
    }

    deinit { unsafe left.deallocate() }

    /// Has a reader heed it, which must not be used after this object's end.
    func limit(_ reader: UnsafeMutablePointer<redisReader>) {
        unsafe reader.pointee.privdata = UnsafeMutableRawPointer(left)
        unsafe reader.pointee.fn = countingMakers
    }

    func renew() { unsafe left.pointee = limitBytes }

    /// Whether something was refused.
    var isExceeded: Bool { unsafe left.pointee < 0 }

    /// Whether there is room for as many bytes, of an answer that has not come whole.
    func covers(_ count: Int) -> Bool { unsafe left.pointee >= count }

    /// Whether an answer of that size may be made.
    fileprivate static func take(_ size: Int, _ task: UnsafePointer<redisReadTask>?) -> Bool {
        guard let left = unsafe task?.pointee.privdata?.assumingMemoryBound(to: Int.self) else { return false }
        unsafe left.pointee = unsafe left.pointee < size ? -1 : left.pointee - size
        return unsafe left.pointee >= 0
    }

    fileprivate static func take(elements: Int, _ task: UnsafePointer<redisReadTask>?) -> Bool {
        let (size, isTooLarge) = elements.multipliedReportingOverflow(by: elementBytes)
        return unsafe take(isTooLarge ? .max : size, task)
    }
}

/// hiredis' own.
private let makers: redisReplyObjectFunctions = {
    guard let reader = unsafe redisReaderCreate() else { preconditionFailure("out of memory") }
    defer { unsafe redisReaderFree(reader) }
    return unsafe reader.pointee.fn.pointee
}()

/// The same, for what there is room; else hiredis ends with an error.
private nonisolated(unsafe) let countingMakers: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let counting = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)  // For ever.
    unsafe counting.initialize(to: makers)
    unsafe counting.pointee.createString = { task, text, count in
        unsafe RedisAllowance.take(count, task) ? makers.createString(task, text, count) : nil
    }
    unsafe counting.pointee.createArray = { task, count in
        unsafe RedisAllowance.take(elements: Int(count), task) ? makers.createArray(task, count) : nil
    }
    return unsafe counting
}()
