import IgropyrTime
import Testing

@testable import IgropyrTransport

@Suite struct ServerNamesTests {
    @Test(arguments: [
        ("a.example", 0), ("A.EXAMPLE", 0), ("a.example.", 0), ("b.example", 1), ("x.b.example", 2),
        ("own.b.example", 1),
        ("x.y.b.example", nil), (".b.example", nil), ("c.example", nil), ("", nil), (".", nil), ("example", nil),
        ("*.b.example", 2), ("b.example..", nil),
    ])
    func `a name finds the certificate that carries it, exactly before by a wildcard`(name: String, index: Int?) {
        var names = ServerNames()
        #expect(names.add(["a.example"], index: 0).isEmpty)
        #expect(names.add(["b.example", "own.b.example", "A.example"], index: 1) == ["a.example"])
        #expect(names.add(["*.b.example", "b.example"], index: 2) == ["b.example"])
        #expect(names.index(for: name) == index)
    }
}

@Suite struct TicketKeysTests {
    @Test func `a key seals for its lifetime, opens for another, and is then forgotten`() {
        var keys = TicketKeys(lifetime: .seconds(100))
        var random = SystemRandomNumberGenerator()
        func seal(_ seconds: Int64) -> TicketKeys.Key { keys.sealingKey(at: .seconds(seconds), using: &random) }
        func open(_ key: TicketKeys.Key, _ seconds: Int64) -> Bool? {
            keys.openingKey(named: key.name, at: .seconds(seconds))?.isOld
        }
        let first = seal(1000)
        #expect(seal(1099) == first && open(first, 1099) == false)
        #expect(open(first, 1100) == true)
        let second = seal(1150)
        #expect(second != first && open(second, 1150) == false && open(first, 1150) == true)
        #expect(open(first, 1199) == true && open(second, 1199) == false)
        #expect(open(first, 1200) == nil && open(second, 1250) == true)
        #expect(open(second, 1349) == true && open(second, 1350) == nil)
    }
}
