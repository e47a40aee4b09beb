import IgropyrUV
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [
        "0.0.0.0", "1.2.3.4", "9.10.99.100", "127.0.0.1", "109.110.200.9", "255.255.255.255", "::", "::1",
        "2001:db8::ff00:42:8329",
    ]) func `an address is written as it was read`(text: String) throws {
        let address = try #require(SocketAddress(text, port: 80))
        #expect(address.hostText == text)
    }

    @Test func `a link-local address is read and written with its zone, which others are not told`() throws {
        let address = try #require(SocketAddress(parsing: "[fe80::7%lo]:80", defaultPort: 1))
        #expect(address.zone > 0 && !address.lacksZone && address.host.isLinkLocal)
        #expect(address.hostText == "fe80::7" && address.description == "[fe80::7]:80")
        #expect(address.localText == "[fe80::7%lo]:80")
        #expect(SocketAddress(parsing: address.localText, defaultPort: 1) == address)
    }

    @Test func `only a link-local address without a zone gets one`() throws {
        let bare = try #require(SocketAddress("febf::7", port: 80))
        #expect(bare.lacksZone && bare.inZone(7).zone == 7 && !bare.inZone(7).lacksZone)
        #expect(bare.inZone(7).inZone(8) == bare.inZone(7) && bare.inZone(0) == bare)
        for text in ["fec0::7", "fd00::7", "::1", "10.0.0.1", "169.254.0.1"] {
            let other = try #require(SocketAddress(text, port: 80))
            #expect(!other.lacksZone && other.inZone(7) == other)
        }
    }

    @Test func `an interface is found by its address`() throws {
        let loopback = SocketAddress.loopback(port: 0).host
        let nowhere = try #require(SocketAddress("192.0.2.1", port: 0)).host
        let interface = try #require(try NetworkInterface.having(oneOf: [nowhere, loopback]))
        #expect(interface.name == "lo" && interface.zone > 0 && interface.addresses.first == loopback)
        #expect(try NetworkInterface.having(oneOf: [nowhere]) == nil)
        #expect(try NetworkInterface.having(oneOf: [.v6(0xFE80 << 48, 7, zone: interface.zone)]) == nil)
    }
}
