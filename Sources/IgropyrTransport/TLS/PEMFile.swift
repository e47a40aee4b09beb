internal import COpenSSL
internal import Glibc

/// The text of a file with certificates or a key.
struct PEMFile {
    /// More is no file of certificates: all of the authorities that browsers trust take a quarter of it.
    private static let limitBytes = 1 << 20

    /// Or what else messages call it.
    let path: String
    let bytes: [UInt8]
    /// Whether users who neither own the file nor belong to its group may read it.
    let isReadableByOthers: Bool

    /// `role` is what messages call it, such as `key file`.
    /// - Throws: `.unusableFile` if it cannot be read, is no regular file (a pipe would block) or has more than 1 MiB.
    init(_ path: String, role: String) throws(TLSError) {
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path, role, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.unreadable(path, role, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TLSError(.unusableFile, "\(role) \(path) is no regular file: give the path of a PEM file")
        }
        guard status.st_size <= Self.limitBytes else {
            throw TLSError(.unusableFile, "\(role) \(path) has more than 1 MiB: give the path of a PEM file")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Self.unreadable(path, role, errno) }
        self.path = path
        self.bytes = Array(bytes.prefix(count))
        isReadableByOthers = status.st_mode & S_IROTH != 0
    }

    /// What is in memory already.
    init(_ bytes: [UInt8], called name: String) {
        path = name
        self.bytes = bytes
        isReadableByOthers = false
    }

    private static func unreadable(_ path: String, _ role: String, _ code: Int32) -> TLSError {
        let advice =
            switch code {
            case ENOENT, ENOTDIR: "there is no such file, check the path"
            case EACCES, EPERM: "this process's user may not read it, check its owner and mode"
            default: unsafe String(cString: strerror(code))
            }
        return TLSError(.unusableFile, "cannot read the \(role) \(path): \(advice)")
    }

    /// All certificates in the file, in its order.
    /// - Throws: `.unusableFile` if there is none, or one is damaged.
    func certificates(role: String) throws(TLSError) -> [X509Certificate] {
        ERR_clear_error()
        let source = try unsafe reader()
        defer { unsafe BIO_free(source) }
        var certificates: [X509Certificate] = []
        while let certificate = unsafe PEM_read_bio_X509(source, nil, nil, nil) {
            unsafe certificates.append(X509Certificate(owning: certificate))
        }
        let error = ERR_peek_last_error()
        ERR_clear_error()
        guard igropyr_ERR_GET_LIB(error) == ERR_LIB_PEM, ERR_GET_REASON(error) == PEM_R_NO_START_LINE else {
            throw TLSError(
                .unusableFile,
                "\(role) \(path): certificate number \(certificates.count + 1) is damaged: get the file anew")
        }
        guard !certificates.isEmpty else {
            throw TLSError(
                .unusableFile, "\(role) \(path) holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
        }
        return certificates
    }

    /// The first private key in the file.
    /// - Throws: `.unusableFile` if there is none, or it is encrypted or damaged.
    func privateKey() throws(TLSError) -> PrivateKey {
        ERR_clear_error()
        let source = try unsafe reader()
        defer { unsafe BIO_free(source) }
        var isEncrypted = false
        let key = unsafe withUnsafeMutablePointer(to: &isEncrypted) {
            unsafe PEM_read_bio_PrivateKey(source, nil, willAskForPassphrase, $0)
        }
        ERR_clear_error()
        if let key = unsafe key { return unsafe PrivateKey(owning: key) }
        guard !isEncrypted else {
            throw TLSError(
                .unusableFile,
                "key file \(path) is encrypted, and nobody is there to type a passphrase: decrypt it (openssl pkey -in \(path) -out NEW)"
            )
        }
        guard !String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY-----") else {
            throw TLSError(.unusableFile, "key file \(path): the private key is damaged: get the file anew")
        }
        throw TLSError(.unusableFile, "key file \(path) holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
    }

    /// A copy of the bytes, to be freed.
    private func reader() throws(TLSError) -> OpaquePointer {
        let copy = unsafe BIO_new(BIO_s_mem())
        guard let copy = unsafe copy else { throw .taken(during: .setup) }
        let count = unsafe bytes.withUnsafeBytes { unsafe BIO_write(copy, $0.baseAddress, Int32($0.count)) }
        guard count == bytes.count || bytes.isEmpty else {
            unsafe BIO_free(copy)
            throw .taken(during: .setup)
        }
        return unsafe copy
    }
}

/// Notes that a passphrase was asked for, and gives none.
private func willAskForPassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _ isEncrypted: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe isEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}

/// A private key; freed with the last reference.
@safe
final class PrivateKey {
    let raw: OpaquePointer

    init(owning raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe EVP_PKEY_free(raw) }

    /// OpenSSL's number for the kind: RSA, elliptic curve, Ed25519.
    var kind: Int32 { unsafe igropyr_EVP_PKEY_id(raw) }
}
