import IgropyrDNS
import IgropyrTime

/// Messages of the DNS, as anybody on the local network may send them to a member that is to be discovered: for each,
/// whether it comes from the group's port, then its length and itself.
enum DNSTarget: FuzzTarget {
    static let name = "dns"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        var random = Fixed()
        let instance = ServiceDiscovery.Instance(name: "alpha", address: [10, 0, 0, 1], port: 7946)
        guard
            var discovery = ServiceDiscovery(
                cluster: "shop", instance: instance, kinds: [.ipv4, .ipv6, .linkLocal], at: .zero, using: &random)
        else { fatalError("a plain name is refused") }
        var now = Timestamp.zero
        while !input.isEmpty {
            now = now.advanced(by: .milliseconds(Int64(input.byte()) * 10))
            let isFromGroupPort = input.byte() & 1 == 0
            let datagram = input.piece()
            checkCodec(datagram)
            let directives = discovery.handle(datagram, isFromGroupPort: isFromGroupPort, at: now, using: &random)
            require(directives.count <= 64, "one message has us do too much")
            check(directives + discovery.handleTimeout(at: now))
            require(discovery.deadline > now, "what is due was not done")
        }
    }

    private static func checkCodec(_ bytes: [UInt8]) {
        guard let message = try? DNSMessage(bytes) else { return }
        guard let again = try? DNSMessage(message.encoded) else { fatalError("what was read cannot be written") }
        require(again == message, "a message is not the same when passed on")
    }

    /// What others hear from this member, they can read.
    private static func check(_ directives: [ServiceDiscovery.Directive]) {
        for directive in directives {
            switch directive {
            case .multicast(let bytes), .reply(let bytes):
                require((try? DNSMessage(bytes)) != nil, "a message cannot be read")
                require(bytes.count <= 1_400, "a message is longer than a packet")
            case .found(let address, let port): require((address.count == 4 || address.count == 16) && port > 0)
            }
        }
    }

    private struct Fixed: RandomNumberGenerator {
        func next() -> UInt64 { 0x5DEE_CE66_D000_0000 }
    }
}
