import IgropyrTransport

/// What comes first on a connection that a proxy passes on: step, bytes.
enum ProxyHeaderTarget: FuzzTarget {
    static let name = "proxy-header"

    private enum Outcome: Equatable {
        case header(ProxyHeader, byteCount: Int)
        case failure(ProxyHeader.Failure)
        case unfinished
    }

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let steps = input.steps()
        let wire = input.rest
        switch steps.agree(on: { outcome(wire, step: $0) }) {
        case .header(let header, let count)?:
            require(count <= ProxyHeader.maximumBytes && count <= wire.count, "a header is longer than it may be")
            require(outcome(Array(wire[..<count]), step: .max) == .header(header, byteCount: count))
            for version in [ProxyHeader.Version.v1, .v2] { check(header, version) }
        case .failure?: break
        case .unfinished?, nil: require(wire.count < ProxyHeader.maximumBytes, "too many bytes decide nothing")
        }
    }

    private static func check(_ header: ProxyHeader, _ version: ProxyHeader.Version) {
        let bytes = header.bytes(version)
        let again = outcome(bytes, step: .max)
        require(again == .header(header, byteCount: bytes.count), "a header is not the same when passed on")
    }

    private static func outcome(_ bytes: [UInt8], step: Int) -> Outcome {
        var count = 0
        while count < bytes.count {
            count += min(step, bytes.count - count)
            do throws(ProxyHeader.Failure) {
                if let (header, byteCount) = try ProxyHeader.read(bytes.span.bytes.extracting(..<count)) {
                    return .header(header, byteCount: byteCount)
                }
            } catch { return .failure(error) }
        }
        return .unfinished
    }
}
