import IgropyrUV
import Testing

@testable import IgropyrBalancer

/// Two sockets on one free port, and that address.
private func pair() throws -> (sockets: [Int32], address: SocketAddress) {
    try SocketSource.address(.loopback(port: 0)).open(2)
}

private func listeners(_ addresses: SocketAddress...) -> [BalancerListener] {
    addresses.map { BalancerListener(.address($0)) }
}

@Test func `a single listener takes whatever sockets its service is started with`() throws {
    let (sockets, address) = try pair()
    defer { for socket in sockets { Descriptor.close(socket) } }
    var one = listeners(.loopback(port: 1))
    #expect(one.takeSockets(sockets, asked: nil).isEmpty && one[0].source == .inherited(sockets))
    #expect(one.askedAddresses(of: [sockets]) == [address: .loopback(port: 1)], "its successor is to know")
    #expect(listeners(address).askedAddresses(of: [sockets]).isEmpty)
}

@Test func `a successor takes what is still asked for, and no listener has the rest`() throws {
    let (first, address) = try pair()
    let (second, other) = try pair()
    defer { for socket in first + second { Descriptor.close(socket) } }

    var changed = listeners(other)
    #expect(changed.takeSockets(first, asked: [:]) == first)
    #expect(changed[0].source == .address(other) && !changed[0].sharesPort)

    var both = listeners(.loopback(port: 0), other)
    #expect(both.takeSockets(first + second, asked: [address: .loopback(port: 0)]).isEmpty)
    #expect(both.map(\.source) == [.inherited(first), .inherited(second)])

    let everywhere = try #require(SocketAddress("0.0.0.0", port: address.port))
    var wider = listeners(everywhere)
    #expect(wider.takeSockets(first, asked: [:]) == first)
    #expect(wider[0].source == .address(everywhere) && wider[0].sharesPort, "its predecessor has the port")
}

@Test func `several listeners of a service that is started get the sockets of their addresses`() throws {
    let (first, _) = try pair()
    let (second, other) = try pair()
    defer { for socket in first + second { Descriptor.close(socket) } }
    var two = listeners(.loopback(port: 1), other)
    #expect(two.takeSockets(first + second, asked: nil) == first)
    #expect(two.map(\.source) == [.address(.loopback(port: 1)), .inherited(second)] && !two[0].sharesPort)
}
