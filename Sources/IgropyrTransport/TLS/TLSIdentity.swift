internal import COpenSSL

/// A certificate with its chain and its private key.
@safe
final class TLSIdentity {
    /// The file with the certificate, or what else messages call it.
    let source: String
    private let chain: [X509Certificate]
    private let key: PrivateKey
    /// The servers that it stands for.
    let names: [String]
    let warnings: [TLSWarning]

    /// - Throws: `.unusableFile`, which names the file and says what to do.
    init(reading certificate: TLSConfiguration.Certificate) throws(TLSError) {
        let (chainFile, keyFile): (PEMFile, PEMFile)
        switch certificate {
        case .files(let chain, let key):
            chainFile = try PEMFile(chain, role: "certificate file")
            keyFile = try PEMFile(key, role: "key file")
        case .held(let name, let pem):
            chainFile = PEMFile(pem, called: name)
            keyFile = chainFile
        }
        chain = try chainFile.certificates(role: "certificate file")
        key = try keyFile.privateKey()
        let leaf = chain[0]
        guard unsafe X509_check_private_key(leaf.raw, key.raw) == 1 else {
            ERR_clear_error()
            throw TLSError(
                .unusableFile,
                "the key in \(keyFile.path) does not fit the first certificate in \(chainFile.path): give the key it was issued for, and put the server's own certificate first"
            )
        }
        source = chainFile.path
        names = leaf.serverNames
        var warnings: [TLSWarning] = []
        switch leaf.validity {
        case .valid: break
        case .expired(let day): warnings.append(.expired(file: source, on: day))
        case .notYet(let day): warnings.append(.notYetValid(file: source, from: day))
        }
        if keyFile.isReadableByOthers { warnings.append(.keyReadableByOthers(file: keyFile.path)) }
        self.warnings = warnings
    }

    /// Certificates and key in one text; nil if there is no memory.
    var pem: [UInt8]? {
        unsafe written { file in
            unsafe chain.allSatisfy { unsafe PEM_write_bio_X509(file, $0.raw) == 1 }
                && PEM_write_bio_PrivateKey(file, key.raw, nil, nil, 0, nil, nil) == 1
        }
    }

    /// When it ends.
    var expiry: Int64? { chain[0].expiry }

    /// OpenSSL's number for the kind of key.
    var keyKind: Int32 { key.kind }

    /// - Throws: `.unusableFile` if OpenSSL finds the certificate too weak for its security level.
    func install(in context: OpaquePointer) throws(TLSError) {
        ERR_clear_error()
        guard let rest = unsafe OPENSSL_sk_new_null() else { throw .taken(during: .setup) }
        defer { unsafe OPENSSL_sk_free(rest) }
        for certificate in chain.dropFirst() {
            guard unsafe OPENSSL_sk_push(rest, UnsafeRawPointer(certificate.raw)) > 0 else {
                throw .taken(during: .setup)
            }
        }
        guard unsafe SSL_CTX_use_cert_and_key(context, chain[0].raw, key.raw, rest, 0) == 1 else {
            let reason = TLSError.taken(during: .setup).description
            throw TLSError(
                .unusableFile,
                "OpenSSL refuses the certificate in \(source) (\(reason)): have one issued for a key of EC P-256 or RSA 2048 at least, signed with SHA-256"
            )
        }
    }
}

/// What is wrong with a server's files though it can serve with them.
public enum TLSWarning: Sendable, Hashable, CustomStringConvertible {
    /// Days are in UTC, such as `2026-01-31`.
    case expired(file: String, on: String)
    case notYetValid(file: String, from: String)
    case keyReadableByOthers(file: String)
    /// A certificate before it stands for the name already.
    case nameTaken(name: String, file: String)

    public var description: String {
        switch self {
        case .expired(let file, let day):
            "the certificate in \(file) has expired on \(day), clients will refuse it: renew it"
        case .notYetValid(let file, let day):
            "the certificate in \(file) is not valid before \(day): check this machine's clock"
        case .keyReadableByOthers(let file):
            "every user of this machine can read the private key in \(file): chmod 600 \(file)"
        case .nameTaken(let name, let file):
            "\(name) in \(file) has no effect: an earlier certificate stands for the name"
        }
    }
}
