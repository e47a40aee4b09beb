internal import IgropyrGossip

/// A TCP connection with one message each way.
struct Exchange {
    enum Stage {
        case connecting
        case requesting
        case replying
    }

    let id: StreamID
    let client: Int
    let clientLife: UInt32
    let server: Int
    var serverLife: UInt32
    let request: [UInt8]
    /// Whether it is to become a link; and that of the server, once it agrees.
    let staysOpen: Bool
    var serverLink: StreamID?
    var stage = Stage.connecting
    /// Nil in the last stage: closed without one.
    var reply: [UInt8]?
    /// How often the same had to be sent again so far.
    var attempts = 0
    /// Segments that have not arrived yet.
    var segmentsLeft = 0
}

/// What comes of sending some segments.
enum Flight {
    case arrives(after: Duration)
    case isLost(segments: Int, retriedAfter: Duration)
}
