/// Exchanges that wait, longest first. Those that gave up meanwhile are passed over.
struct WaitingLine {
    private var exchanges: [ProxyExchange] = []
    private var first = 0

    var isEmpty: Bool { first == exchanges.count }

    /// - Returns: false if so many wait already.
    mutating func append(_ exchange: ProxyExchange, limit: Int) -> Bool {
        if exchanges.count >= limit { compact() }
        guard exchanges.count < limit else { return false }
        exchanges.append(exchange)
        return true
    }

    mutating func popFirst() -> ProxyExchange? {
        while first < exchanges.count {
            let exchange = exchanges[first]
            first += 1
            if first == exchanges.count { (exchanges, first) = ([], 0) }
            if exchange.isHeld { return exchange }
        }
        return nil
    }

    mutating func removeAll() -> [ProxyExchange] {
        compact()
        defer { exchanges = [] }
        return exchanges
    }

    private mutating func compact() {
        exchanges = exchanges[first...].filter(\.isHeld)
        first = 0
    }
}
