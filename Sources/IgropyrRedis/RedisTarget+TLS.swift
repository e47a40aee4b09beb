internal import IgropyrDatabase
internal import IgropyrTransport
internal import IgropyrUV

extension RedisTarget {
    /// Whom a client believes to be the server, and what it shows of itself.
    struct TLS: Sendable, Equatable {
        var trust = TLSContext.Trust.system
        var certificate: TLSConfiguration.Certificate?

        /// By the options `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key`, which are MySQL's.
        init(_ options: [(name: String, value: String)]) throws(DatabaseURLError) {
            var mode = "VERIFY_IDENTITY"
            var files: [String: String] = [:]
            for (name, value) in options {
                guard !value.utf8.contains(0) else { throw DatabaseURLError("a Redis URL holds no NUL") }
                switch name {
                case "ssl-mode": mode = value.uppercased()
                case "ssl-ca", "ssl-cert", "ssl-key": files[name] = value
                default: throw DatabaseURLError("\(name) is no option of a Redis URL")
                }
            }
            if let file = files["ssl-ca"] { trust = .authorities(file: file) }
            switch mode {
            case "VERIFY_IDENTITY": break
            case "REQUIRED" where files["ssl-ca"] == nil: trust = .unverified
            case "REQUIRED":
                throw DatabaseURLError("ssl-ca has no effect with ssl-mode=REQUIRED: leave one of them out")
            default: throw DatabaseURLError("ssl-mode is VERIFY_IDENTITY or REQUIRED, not \(mode)")
            }
            guard (files["ssl-cert"] == nil) == (files["ssl-key"] == nil) else {
                throw DatabaseURLError("ssl-cert and ssl-key go together; both may name one file")
            }
            guard let chain = files["ssl-cert"], let key = files["ssl-key"] else { return }
            certificate = TLSConfiguration.Certificate(chainFile: chain, keyFile: key)
        }
    }

    /// The beginning of TLS with the server, nil for none. Files are read, each time anew, away from the loop.
    /// - Throws: `.cannotConnect`, which names the file that is no good.
    func session(on loop: EventLoop) async throws(RedisError) -> TLSSession? {
        guard let tls, case .endpoint(let endpoint) = server else { return nil }
        do throws(TLSError) {
            let context = try await loop.offload { () throws(TLSError) in
                try TLSContext.client(trusting: tls.trust, showing: tls.certificate, applicationProtocols: [])
            }
            return try TLSSession(context, serverName: endpoint.host)
        } catch { throw .cannotConnect("\(error)") }
    }
}
