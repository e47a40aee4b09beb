internal import IgropyrUV

/// A slot's listening socket: the node's, lent to one worker after the other, so that connections wait in its backlog
/// while there is none. Closed with the object.
final class SlotSocket {
    let descriptor: Int32
    let address: SocketAddress
    /// See ``ListeningSocket/inode(of:)``.
    let inode: UInt64?

    convenience init(binding address: SocketAddress) throws(UVError) {
        self.init(owning: try ListeningSocket.open(address), at: address)
    }

    init(owning descriptor: Int32, at address: SocketAddress) {
        self.descriptor = descriptor
        self.address = ListeningSocket.localAddress(of: descriptor) ?? address
        inode = ListeningSocket.inode(of: descriptor)
    }

    deinit { Descriptor.close(descriptor) }

    /// Among what is handed over.
    static func handoverName(_ inode: UInt64) -> String { "socket \(inode)" }
}
