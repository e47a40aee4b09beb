import IgropyrUV
import Testing

private func host(_ text: String) -> SocketAddress.Host { SocketAddress(text, port: 0)!.host }

private let memberships: [(network: String, address: String, isIn: Bool)] = [
    ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "9.255.255.255", false),
    ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::10.1.2.3", false),
    ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
    ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("1.2.3.4", "1.2.3.4", true),
    ("1.2.3.4", "1.2.3.5", false), ("1.2.3.4/32", "1.2.3.4", true), ("128.0.0.0/1", "127.255.255.255", false),
    ("::/0", "ffff::1", true), ("::/0", "::ffff:1.2.3.4", false), ("::1/128", "::1", true), ("::1", "::2", false),
    ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
    ("2001:db8::/64", "2001:db8:0:0:ffff::", true), ("2001:db8::/64", "2001:db8:0:1::", false),
    ("2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:1", true), ("2001:db8::8000:0:0:0/65", "2001:db8::1", false),
    ("fe80::/10", "fe80::1", true), ("::ffff:10.0.0.0/104", "10.7.8.9", true),
    ("::ffff:10.0.0.0/104", "::ffff:11.0.0.0", false), ("::ffff:1.2.3.4", "1.2.3.4", true),
]

@Suite struct IPNetworkTests {
    @Test(arguments: memberships) func `a network has the addresses that begin like it`(
        network: String, address: String, isIn: Bool
    ) throws {
        let network = try #require(IPNetwork(network))
        #expect(network.contains(host(address)) == isIn)
        #expect([network].contains(host(address)) == isIn)
        #expect(IPNetwork(network.description) == network)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8",
        "10.0.0.0/ 8", "10.0.0/8", "10.0.0.1/8", "host/8", "::1/129", "::1/64", "2001:db8::1/127", "fe80::1%lo/128",
        "fe80::%1/10",
        "::ffff:0.0.0.0/95", "[::1]/128", "10.0.0.0/255.0.0.0", "10.0.0.0/1000000000000000000000",
    ]) func `what is no network is refused`(text: String) { #expect(IPNetwork(text) == nil) }

    @Test func `a zone does not keep an address out`() throws {
        let network = try #require(IPNetwork("fe80::/10"))
        #expect(network.contains(.v6(0xfe80 << 48, 1, zone: 3)))
    }

    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false), ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("2001:db8::1", "2001:db8::ffff:0:0:2", true), ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::ffff:10.0.0.1", "::1", false),
    ]) func `one source has an address of IPv4, or all with the first 64 bits in common`(
        one: String, other: String, isSame: Bool
    ) {
        #expect((host(one).holder == host(other).holder) == isSame)
    }

    @Test func `networks are written in one way`() {
        #expect(IPNetwork("1.2.3.4")?.description == "1.2.3.4/32")
        #expect(IPNetwork("2001:DB8:0:0::/32")?.description == "2001:db8::/32")
        #expect(IPNetwork("::ffff:10.0.0.0/104") == IPNetwork("10.0.0.0/8"))
    }
}
