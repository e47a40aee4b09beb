import IgropyrHashing
import Testing

/// The input of xxHash's own sanity check: the upper bytes of a 64-bit generator.
private func sanityBuffer(_ count: Int) -> [UInt8] {
    var generator: UInt64 = 2_654_435_761
    return (0..<count).map { _ in
        defer { generator = generator &* 11_400_714_785_074_694_797 }
        return UInt8(generator >> 56)
    }
}

/// From `tests/sanity_test_vectors.h` of xxHash: length, seed, XXH64.
private let sanityVectors: [(length: Int, seed: UInt64, hash: UInt64)] = [
    (0, 0, 0xEF46_DB37_51D8_E999),
    (0, 2_654_435_761, 0xAC75_FDA2_929B_17EF),
    (1, 0, 0xE934_A84A_DB05_2768),
    (1, 2_654_435_761, 0x5014_6076_43A9_B4C3),
    (4, 0, 0x9136_A0DC_A574_57EE),
    (14, 0, 0x8282_DCC4_994E_35C8),
    (14, 2_654_435_761, 0xC3BD_6BF6_3DEB_6DF0),
    (16, 0, 0x98C9_0B57_FDFC_B55C),
    (17, 2_654_435_761, 0x495C_D68A_647C_7A22),
    (24, 0, 0xF75A_6DEA_42DC_5BF4),
    (32, 0, 0x18B2_1649_2BB4_4B70),
    (33, 0, 0x55C8_DC3E_578F_5B59),
    (222, 0, 0xB641_AE8C_B691_C174),
    (222, 2_654_435_761, 0x20CB_8AB7_AE10_C14A),
    (2367, 0, 0xA824_18DD_EC0E_A581),
    (2367, 2_654_435_761, 0xA36A_93C1_8052_673A),
]

@Test(arguments: sanityVectors) func `the hash agrees with the reference implementation`(
    length: Int, seed: UInt64, hash: UInt64
) {
    let bytes = sanityBuffer(length)
    let result = XXH64.hash(bytes.span, seed: seed)
    #expect(result == hash)
}

/// Known from the reference program `xxhsum -H1`.
private let textVectors: [(text: String, hash: UInt64)] = [
    ("", 0xEF46_DB37_51D8_E999),
    ("a", 0xD24E_C4F1_A98C_6E5B),
    ("abc", 0x44BC_2CF5_AD77_0999),
    ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
]

@Test(arguments: textVectors) func `a text is hashed as its UTF-8`(text: String, hash: UInt64) {
    #expect(XXH64.hash(text) == hash)
    let bytes = Array(text.utf8)
    let result = XXH64.hash(bytes.span)
    #expect(result == hash)
}
