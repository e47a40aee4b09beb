internal import IgropyrUV

/// The two sockets of a member, on one port.
struct Sockets {
    let datagrams: UDPSocket
    let listener: TCPListener
    let address: SocketAddress

    /// How often another free port is tried when TCP lacks the one that UDP got.
    private static let attempts = 16

    /// Goes on with those of a member that left them to this one.
    init(owning inherited: MembershipSockets, on loop: EventLoop) throws(UVError) {
        do throws(UVError) {
            datagrams = try UDPSocket(on: loop, owning: inherited.datagrams)
        } catch {
            Descriptor.close(inherited.listener)
            throw error
        }
        do throws(UVError) {
            listener = try TCPListener(on: loop, owning: inherited.listener)
        } catch {
            datagrams.close()
            throw error
        }
        address = listener.localAddress
    }

    init(binding address: SocketAddress, on loop: EventLoop) throws(MembershipError) {
        var result = try Self.open(address, on: loop)
        for _ in 0..<Self.attempts {
            guard result == nil else { break }
            result = try Self.open(address, on: loop)
        }
        guard let result else {
            throw MembershipError(code: .addressInUse, description: "found no port free for both UDP and TCP")
        }
        self = result
    }

    private init(_ datagrams: UDPSocket, _ listener: TCPListener, _ address: SocketAddress) {
        self.datagrams = datagrams
        self.listener = listener
        self.address = address
    }

    /// Nil if the port that the system chose for UDP is taken for TCP.
    private static func open(_ address: SocketAddress, on loop: EventLoop) throws(MembershipError) -> Sockets? {
        let datagrams: UDPSocket
        do throws(UVError) {
            datagrams = try UDPSocket(on: loop, binding: address)
        } catch {
            throw MembershipError(error, binding: address, over: "UDP")
        }
        let bound = datagrams.localAddress ?? address
        do throws(UVError) {
            return Sockets(datagrams, try TCPListener(on: loop, binding: bound), bound)
        } catch {
            datagrams.close()
            guard address.port == 0, error.code == UVError.addressInUse else {
                throw MembershipError(error, binding: bound, over: "TCP")
            }
            return nil
        }
    }

    /// The caller owns them.
    func duplicates() throws(UVError) -> MembershipSockets {
        let datagrams = try datagrams.duplicateSocket()
        do throws(UVError) {
            return MembershipSockets(datagrams: datagrams, listener: try listener.duplicateSocket())
        } catch {
            Descriptor.close(datagrams)
            throw error
        }
    }

    func close() {
        datagrams.close()
        listener.close()
    }
}
