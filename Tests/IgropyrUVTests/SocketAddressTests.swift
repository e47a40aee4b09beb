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
}
