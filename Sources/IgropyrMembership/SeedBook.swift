internal import IgropyrUV

/// The seeds, what their names stood for last, and what came of asking them.
struct SeedBook {
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)

    let endpoints: [Endpoint]
    private var seedByAddress: [SocketAddress: Endpoint] = [:]
    private var lastReason: [Endpoint: String] = [:]
    private var pause = firstPause
    /// Rounds in which all of them were asked.
    private(set) var attempts = 0

    init(_ endpoints: [Endpoint]) { self.endpoints = endpoints }

    mutating func beginRound() { attempts += 1 }

    mutating func note(_ addresses: [SocketAddress], of seed: Endpoint) {
        for address in addresses { seedByAddress[address] = seed }
    }

    func seed(at address: SocketAddress) -> Endpoint {
        seedByAddress[address] ?? Endpoint(host: address.hostText, port: address.port)
    }

    /// Whether it failed for another reason than the last time: worth a warning.
    mutating func noteFailure(of seed: Endpoint, _ reason: String) -> Bool {
        lastReason.updateValue(reason, forKey: seed) != reason
    }

    mutating func noteSuccess(of seed: Endpoint) {
        lastReason[seed] = nil
        pause = Self.firstPause
    }

    /// How long to wait before the next round: twice as long each time, up to half a minute.
    mutating func nextPause() -> Duration {
        defer { pause = min(pause * 2, Self.longestPause) }
        return pause
    }
}
