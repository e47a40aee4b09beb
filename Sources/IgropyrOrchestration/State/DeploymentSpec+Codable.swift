/// `"scale": {"perHost": 2}` or `{"total": 5}`.
extension DeploymentSpec.Scale: Codable {
    private enum CodingKeys: String, CodingKey { case perHost, total }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch (
            try container.decodeIfPresent(Int.self, forKey: .perHost),
            try container.decodeIfPresent(Int.self, forKey: .total)
        ) {
        case (let count?, nil): self = .perHost(count)
        case (nil, let count?): self = .total(count)
        default:
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "exactly one of perHost and total is needed"))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .perHost(let count): try container.encode(count, forKey: .perHost)
        case .total(let count): try container.encode(count, forKey: .total)
        }
    }
}

extension DeploymentSpec.Scale: CustomStringConvertible {
    public var description: String {
        switch self {
        case .perHost(let count): "\(count) per host"
        case .total(let count): "\(count) in total"
        }
    }
}
