import TestSupport
import Testing

@testable import IgropyrHashing

/// From a calculator: draw, -log2(draw / 2^64).
private let known: [(draw: UInt64, expected: Double)] = [
    (0, 64), (1, 64), (1 << 62, 2), (1 << 63, 1), (0xC000_0000_0000_0000, 0.415_037_499_278_844),
    (0x5555_5555_5555_5555, 1.584_962_500_721_156), (0xFFF0_0000_0000_0000, 0.000_352_262_552),
    (0xFFFF_FFFF_0000_0000, 3.359_035e-10),
]

@Test(arguments: known) func `the logarithm is right within 0.05 percent`(draw: UInt64, expected: Double) {
    let result = Double(FixedPointLogarithm.negatedLog2(draw)) / Double(UInt64(1) << FixedPointLogarithm.fractionBits)
    #expect(abs(result - expected) <= expected * 0.0005)
}

@Test func `the logarithm never rises with its argument`() {
    var generator = SplitMix(seed: 1)
    for _ in 0..<20_000 {
        let draw = generator.next() >> (generator.next() % 64)
        let step = generator.next() >> (generator.next() % 64)
        let (sum, overflow) = draw.addingReportingOverflow(step)
        #expect(FixedPointLogarithm.negatedLog2(overflow ? .max : sum) <= FixedPointLogarithm.negatedLog2(draw))
    }
}

@Test func `whoever costs no more is within reach`() {
    var generator = SplitMix(seed: 2)
    for _ in 0..<20_000 {
        let weight = UInt16.random(in: 1 ... .max, using: &generator)
        let distance = generator.next() >> (generator.next() % 64)
        for draw in [distance, .max - distance] {
            let cost = Rendezvous.cost(draw: draw, inverseWeight: Rendezvous.inverse(of: weight))
            #expect(Rendezvous.reach(within: cost, weight: weight) >= ~draw)
        }
    }
    #expect(Rendezvous.reach(within: .worst, weight: 1) == .max)
}

@Test func `hardly anybody else is within reach`() {
    var generator = SplitMix(seed: 3)
    for _ in 0..<20_000 {
        let weight = UInt16.random(in: 1...1000, using: &generator)
        let distance = UInt64.random(in: 1 << 40...1 << 58, using: &generator)
        let cost = Rendezvous.cost(draw: .max - distance, inverseWeight: Rendezvous.inverse(of: weight))
        #expect(Double(Rendezvous.reach(within: cost, weight: weight)) <= 1.05 * Double(distance))
    }
}
