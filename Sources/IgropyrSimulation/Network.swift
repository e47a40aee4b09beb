/// What lies between the hosts. Every datagram meets its own fate; TCP repeats what is lost, and so is late.
public struct Network: Sendable {
    /// The share of datagrams and of TCP segments that vanish, each way.
    public var loss = 0.0
    /// One way.
    public var delay: ClosedRange<Duration> = .microseconds(100)...(.milliseconds(5))
    /// The share of datagrams that arrive twice.
    public var duplication = 0.0
    /// The share of datagrams that are held back for up to ten times the longest delay, so that later ones overtake
    /// them.
    public var reordering = 0.0
    /// What a host's UDP socket holds while nobody reads; more is dropped. The default is Linux's `rmem_default`.
    public var socketBufferBytes = 212_992

    public init() {}

    /// What the kernel charges to the buffer beside a datagram's bytes.
    static let datagramChargeBytes = 576
    /// Of IPv4 and UDP.
    static let datagramHeaderBytes = 28
    /// Of IPv4 and TCP with timestamps.
    static let segmentHeaderBytes = 52
    static let segmentBytes = 1_448
    /// What a sender may have under way at first (RFC 6928).
    static let initialWindow = 10
    /// Before a SYN goes out again; then twice as long (RFC 6298).
    static let connectTimeout = Duration.seconds(1)
    /// Before lost data goes out again, when nothing that came behind tells of it: Linux's least.
    static let retransmissionTimeout = Duration.milliseconds(200)
}

/// Bytes with their IP, UDP and TCP headers.
public struct Traffic: Hashable, Sendable {
    public internal(set) var datagramsSent = 0
    public internal(set) var datagramBytesSent = 0
    public internal(set) var datagramBytesReceived = 0
    public internal(set) var streamBytesSent = 0
    public internal(set) var streamBytesReceived = 0

    public var bytesSent: Int { datagramBytesSent + streamBytesSent }
    public var bytesReceived: Int { datagramBytesReceived + streamBytesReceived }

    mutating func countDatagramSent(_ payloadBytes: Int) {
        datagramsSent += 1
        datagramBytesSent += payloadBytes + Network.datagramHeaderBytes
    }
}
