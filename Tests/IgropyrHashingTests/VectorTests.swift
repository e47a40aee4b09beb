import IgropyrHashing
import Testing

// The same vectors as in docs/hashing.md. They change only together with the version of the protocol: balancers with
// different tables break affinity.

private let keys: [(key: String, hash: UInt64, slot: Int)] = [
    ("", 0xEF46_DB37_51D8_E999, 61254),
    ("a", 0xD24E_C4F1_A98C_6E5B, 53838),
    ("abc", 0x44BC_2CF5_AD77_0999, 17596),
    ("/", 0xE89C_D672_89ED_DAEA, 59548),
    ("/index.html", 0xC7A2_826B_7865_F267, 51106),
    ("/cart?id=17", 0x6DE8_C330_E3FC_0C6C, 28136),
    ("203.0.113.9", 0x7E5B_5499_AEA8_414B, 32347),
]

@Test(arguments: keys) func `a key has the hash and the slot of the documentation`(
    key: String, hash: UInt64, slot: Int
) {
    #expect(XXH64.hash(key) == hash)
    #expect(HashRing([]).slot(forHash: hash) == slot)
}

private let four = ["alpha", "beta", "gamma", "delta"].map {
    KeyTable.Member(id: "shop/\($0)/0", host: $0, weight: $0 == "delta" ? 2 : 1)
}
private let thirty = (0..<10).flatMap { host in
    (0..<3).map { KeyTable.Member(id: "shop/h\(host)/\($0)", host: "h\(host)") }
}
private let nine = [UInt16](1...9).map { KeyTable.Member(id: "m\($0)", host: "h\($0 % 4)", weight: 100 * $0) }

private let choices: [(kind: KeyTable.Kind, choices: [String: String])] = [
    (
        .rendezvous,
        [
            "/": "delta, alpha, gamma", "/index.html": "beta, delta, alpha", "/cart?id=17": "delta, alpha, gamma",
            "203.0.113.9": "alpha, delta, beta",
        ]
    ),
    (
        .maglev,
        [
            "/": "gamma, delta, beta", "/index.html": "alpha, delta, gamma", "/cart?id=17": "beta, delta, alpha",
            "203.0.113.9": "delta, alpha, gamma",
        ]
    ),
    (
        .ketama,
        [
            "/": "gamma, delta, alpha", "/index.html": "delta, gamma, beta", "/cart?id=17": "gamma, delta, beta",
            "203.0.113.9": "beta, gamma, delta",
        ]
    ),
]

@Test(arguments: choices) func `a key has the choices of the documentation`(
    kind: KeyTable.Kind, choices: [String: String]
) {
    let table = KeyTable(kind: kind, four)
    for (key, expected) in choices {
        let hosts = (0..<table.depth).compactMap { rank in
            table.position(forHash: XXH64.hash(key), rank: rank).map { table.members[$0].host }
        }
        #expect(hosts.joined(separator: ", ") == expected, "\(key)")
    }
}

private let checksums: [(kind: KeyTable.Kind, four: UInt64, thirty: UInt64, nine: UInt64)] = [
    (.rendezvous, 0x8EF0_35B2_CDE7_C894, 0xEEA7_854E_BD11_8537, 0x40C2_799A_9C89_3DB9),
    (.maglev, 0xD2A1_3743_6AE9_523F, 0xD97F_863E_3365_5B9B, 0x6014_41B7_FF77_3F3B),
    (.ketama, 0x907F_3157_44AF_B20D, 0x1093_8C97_FD7D_CE0C, 0x4901_0F71_DF03_F2C0),
]

@Test(arguments: checksums) func `a table has the checksum of the documentation`(
    kind: KeyTable.Kind, ofFour: UInt64, ofThirty: UInt64, ofNine: UInt64
) {
    #expect(KeyTable(kind: kind, four).checksum == ofFour)
    #expect(KeyTable(kind: kind, thirty).checksum == ofThirty)
    #expect(KeyTable(kind: kind, nine).checksum == ofNine)
}
