internal import CLibUV
internal import Glibc

/// A Unix datagram socket on which processes of this host report their state, as systemd's `NOTIFY_SOCKET`
/// (`sd_notify(3)`).
///
/// Its name is in the abstract namespace, so it needs no folder and vanishes with its owner. Anybody on the host can
/// write to such a socket: each message therefore comes with its sender, on the kernel's word (`SCM_CREDENTIALS`).
public final class NotificationSocket {
    /// A message, and the process that sent it.
    public struct Message: Sendable {
        public var text: String
        public var pid: Int32
        public var uid: UInt32
    }

    /// One that nobody else has.
    public static func uniqueName() -> String {
        "igropyr/\(getpid())/\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    }

    /// Longer messages are dropped.
    private static let messageLimit = 4096
    /// What `SCM_CREDENTIALS` takes, and not a byte more: where a message brings descriptors along (`SCM_RIGHTS`), as
    /// anybody's may, the kernel has no room to tell of them and closes them, in place of leaving them to this process
    /// for good.
    private static let controlWords = 4
    /// Then others on the loop have their turn: whoever goes on sending would keep it else.
    private static let messagesPerTurn = 16

    /// What a process finds in its environment as `NOTIFY_SOCKET`.
    public let name: String
    private let descriptor: Int32
    private let poller: Poller
    private var isClosed = false

    /// Takes a name that is unique on the host, of up to 100 bytes.
    /// - Throws: `UV_EADDRINUSE` if somebody has it.
    public convenience init(
        on loop: EventLoop, name: String = uniqueName(), onMessage: @escaping (Message) -> Void
    ) throws(UVError) {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(AF_UNIX, type, 0), errnoOf: "socket"))
        unsafe _ = try UnixAddress.withAbstract(name) { address, length throws(UVError) in
            try check(unsafe bind(socket.number, address, length), errnoOf: "bind")
        }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        try check(unsafe setsockopt(socket.number, SOL_SOCKET, SO_PASSCRED, &on, size), errnoOf: "setsockopt")
        try self.init(on: loop, owning: socket.take(), name: name, onMessage: onMessage)
    }

    /// Goes on with such a socket of this program before it was replaced, whose name that was; messages that came
    /// meanwhile wait in it. Closes it in the end, even if this throws.
    public init(
        on loop: EventLoop, owning descriptor: Int32, name: String, onMessage: @escaping (Message) -> Void
    ) throws(UVError) {
        let socket = Descriptor(owning: descriptor)
        self.name = "@" + name
        poller = try Poller(on: loop, descriptor: descriptor)
        self.descriptor = socket.take()
        do throws(UVError) {
            try poller.start { [weak self] in self?.takeMessages(onMessage) }
        } catch {
            close()
            throw error
        }
    }

    /// Another descriptor of it, for this program's successor.
    public func duplicate() throws(UVError) -> Int32 { try Descriptor.duplicate(descriptor) }

    /// Idempotent.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        poller.close()
        Glibc.close(descriptor)
    }

    private enum Received {
        case message(Message)
        /// Too long, or without its sender.
        case unusable
        case nothing
    }

    private func takeMessages(_ onMessage: (Message) -> Void) {
        for _ in 0..<Self.messagesPerTurn where !isClosed {
            switch Self.receiveOne(from: descriptor) {
            case .message(let message): onMessage(message)
            case .unusable: continue
            case .nothing: return
            }
        }
    }

    private static func receiveOne(from descriptor: Int32) -> Received {
        var text = [UInt8](repeating: 0, count: messageLimit)
        var control = [UInt64](repeating: 0, count: controlWords)  // Aligned as `cmsghdr` wants it.
        return unsafe text.withUnsafeMutableBytes { text in
            unsafe control.withUnsafeMutableBytes { control in
                unsafe receiveOne(from: descriptor, text: text, control: control)
            }
        }
    }

    private static func receiveOne(
        from descriptor: Int32, text: UnsafeMutableRawBufferPointer, control: UnsafeMutableRawBufferPointer
    ) -> Received {
        var header = unsafe msghdr()
        var part = unsafe iovec(iov_base: text.baseAddress, iov_len: text.count)
        let count = unsafe withUnsafeMutablePointer(to: &part) { part in
            unsafe header.msg_iov = part
            unsafe header.msg_iovlen = 1
            unsafe header.msg_control = control.baseAddress
            unsafe header.msg_controllen = control.count
            return unsafe recvmsg(descriptor, &header, 0)
        }
        guard count >= 0 else { return .nothing }
        let isWhole = unsafe header.msg_flags & Int32(MSG_TRUNC) == 0
        let used = unsafe UnsafeRawBufferPointer(rebasing: control[..<min(control.count, header.msg_controllen)])
        guard isWhole, let sender = unsafe credentials(in: used) else { return .unusable }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: text[..<count])
        return .message(Message(text: unsafe String(decoding: bytes, as: UTF8.self), pid: sender.pid, uid: sender.uid))
    }

    /// The first control message, if it is `SCM_CREDENTIALS`: a `cmsghdr` and then a `ucred`.
    private static func credentials(in control: UnsafeRawBufferPointer) -> (pid: Int32, uid: UInt32)? {
        let headerSize = MemoryLayout<cmsghdr>.size
        guard control.count >= headerSize + 12 else { return nil }
        let header = unsafe control.loadUnaligned(as: cmsghdr.self)
        guard header.cmsg_level == SOL_SOCKET, header.cmsg_type == 2 /* SCM_CREDENTIALS */ else { return nil }
        return unsafe (
            control.loadUnaligned(fromByteOffset: headerSize, as: Int32.self),
            control.loadUnaligned(fromByteOffset: headerSize + 4, as: UInt32.self)
        )
    }
}
