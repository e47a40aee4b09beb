import IgropyrHTTP

extension MessageHead.Version {
    /// The line in which this proxy names itself to those behind it and to the client (RFC 9110 §7.6.3).
    var viaLine: String {
        switch self {
        case .http10: "Via: 1.0 igropyr\r\n"
        case .http11: "Via: 1.1 igropyr\r\n"
        case .http2: "Via: 2 igropyr\r\n"
        }
    }
}
