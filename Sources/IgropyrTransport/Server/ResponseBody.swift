internal import IgropyrHTTP

/// What is left of a response's body to be sent.
enum ResponseBody {
    case none
    case length(remaining: UInt64)
    case chunked
    case untilClose
}

extension ResponseBody {
    init(_ framing: MessageHead.Framing) {
        switch framing {
        case .none: self = .none
        case .length(let length): self = .length(remaining: length)
        case .chunked: self = .chunked
        case .untilClose: self = .untilClose
        }
    }

    /// Nothing of it is left to send.
    var isWhole: Bool {
        switch self {
        case .none, .length(remaining: 0): true
        case .length, .chunked, .untilClose: false
        }
    }
}
