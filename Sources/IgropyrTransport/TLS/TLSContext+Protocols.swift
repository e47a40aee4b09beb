internal import COpenSSL

extension TLSContext {
    /// Has a client offer ``applicationProtocols``, and a server choose among what it is offered (ALPN, RFC 7301).
    func installApplicationProtocols(in raw: OpaquePointer) throws(TLSError) {
        guard !applicationProtocols.isEmpty else { return }
        switch role {
        case .server: unsafe SSL_CTX_set_alpn_select_cb(raw, didReceiveProtocols, nil)
        case .client:
            let wire = applicationProtocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            // Unlike its neighbours this function answers 0 if all is well.
            guard unsafe SSL_CTX_set_alpn_protos(raw, wire, UInt32(wire.count)) == 0 else {
                throw .taken(during: .setup)
            }
        }
    }
}

/// Takes the first of the server's protocols that is among the client's, a list of strings with their lengths before
/// them; a client with none of them is refused, as RFC 7301 §3.2 wants it.
private func didReceiveProtocols(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ list: UnsafePointer<UInt8>?, _ count: UInt32,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    let offered = unsafe UnsafeBufferPointer(start: list, count: Int(count))
    for name in unsafe TLSContext.of(ssl)?.applicationProtocols ?? [] {
        var start = 0
        while start < offered.count {
            let length = unsafe Int(offered[start])
            guard start + 1 + length <= offered.count else { break }
            let candidate = unsafe UnsafeBufferPointer(rebasing: offered[(start + 1)..<(start + 1 + length)])
            if unsafe candidate.elementsEqual(name.utf8) {
                unsafe chosen?.pointee = candidate.baseAddress
                unsafe chosenCount?.pointee = UInt8(length)
                return SSL_TLSEXT_ERR_OK
            }
            start += 1 + length
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
