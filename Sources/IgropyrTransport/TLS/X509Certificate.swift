internal import COpenSSL
internal import Glibc
internal import IgropyrText
internal import IgropyrTime

/// A certificate; freed with the last reference.
@safe
final class X509Certificate {
    let raw: OpaquePointer

    init(owning raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe X509_free(raw) }

    /// In the form of RFC 4514, the most specific part first: `CN=alice,O=Example`.
    var subject: String { unsafe text(of: X509_get_subject_name(raw)) }
    var issuer: String { unsafe text(of: X509_get_issuer_name(raw)) }

    private func text(of name: OpaquePointer?) -> String {
        guard let name = unsafe name else { return "" }
        let bytes = unsafe written { unsafe X509_NAME_print_ex($0, name, 0, igropyr_XN_FLAG_RFC2253_UTF8) >= 0 }
        return String(decoding: bytes ?? [], as: UTF8.self)
    }

    /// The last `CN` of the subject.
    var commonName: String? {
        guard let name = unsafe X509_get_subject_name(raw) else { return nil }
        var last: Int32 = -1
        while case let next = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, last), next >= 0 { last = next }
        guard last >= 0, let entry = unsafe X509_NAME_get_entry(name, last) else { return nil }
        return unsafe string(X509_NAME_ENTRY_get_data(entry))
    }

    /// Subject alternative names of one kind (`GEN_DNS`, `GEN_EMAIL`, `GEN_URI`), without those that no proper name
    /// would contain.
    func alternativeNames(_ kind: Int32) -> [String] {
        guard let stack = unsafe X509_get_ext_d2i(raw, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(stack)
        defer { unsafe GENERAL_NAMES_free(names) }
        var found: [String] = []
        for index in 0..<(unsafe OPENSSL_sk_num(names)) {
            guard let entry = unsafe OPENSSL_sk_value(names, index) else { continue }
            var type: Int32 = 0
            let value = unsafe GENERAL_NAME_get0_value(entry.assumingMemoryBound(to: GENERAL_NAME.self), &type)
            guard type == kind, let value = unsafe value else { continue }
            let text = unsafe string(value.assumingMemoryBound(to: ASN1_STRING.self))
            if let text, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) { found.append(text) }
        }
        return found
    }

    /// The names of servers that it stands for: its DNS names; without any, its common name, as of old.
    var serverNames: [String] {
        let names = alternativeNames(GEN_DNS)
        return names.isEmpty ? commonName.map { [$0] } ?? [] : names
    }

    private func string(_ text: UnsafePointer<ASN1_STRING>?) -> String? {
        guard let text = unsafe text else { return nil }
        var start: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&start, text)
        guard count >= 0, let start = unsafe start else { return nil }
        defer { unsafe CRYPTO_free(start, "", 0) }
        let bytes = unsafe UnsafeBufferPointer(start: start, count: Int(count))
        return unsafe bytes.contains(0) ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Hexadecimal, as `openssl x509 -serial` prints it.
    var serialNumber: String {
        guard let number = unsafe ASN1_INTEGER_to_BN(X509_get0_serialNumber(raw), nil) else { return "" }
        defer { unsafe BN_free(number) }
        guard let text = unsafe BN_bn2hex(number) else { return "" }
        defer { unsafe CRYPTO_free(text, "", 0) }
        return unsafe String(cString: text)
    }

    /// SHA-256 of the whole certificate, in hexadecimal.
    var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard unsafe X509_digest(raw, EVP_sha256(), &digest, &count) == 1 else { return "" }
        return Hexadecimal.text(digest.prefix(Int(count)))
    }

    /// Whether its time has come, and has not passed.
    enum Validity: Hashable {
        case valid
        case notYet(from: String)
        case expired(on: String)
    }

    /// At this moment.
    var validity: Validity {
        let (begin, end) = unsafe (X509_get0_notBefore(raw), X509_get0_notAfter(raw))
        if unsafe X509_cmp_current_time(end) < 0 { return unsafe .expired(on: day(end)) }
        if unsafe X509_cmp_current_time(begin) > 0 { return unsafe .notYet(from: day(begin)) }
        return .valid
    }

    /// When its time passes, in seconds since 1970; nil if that is no time.
    var expiry: Int64? { unsafe seconds(X509_get0_notAfter(raw)) }

    private func day(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        unsafe seconds(time).map { CalendarDay(number: Int($0 / 86_400)).text } ?? "an unknown day"
    }

    private func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe Int64(timegm(&parts))
    }
}

/// What is put into a file of OpenSSL's in memory; nil if `write` fails.
func written(by write: (OpaquePointer) -> Bool) -> [UInt8]? {
    guard let sink = unsafe BIO_new(BIO_s_mem()) else { return nil }
    defer { unsafe BIO_free(sink) }
    guard unsafe write(sink) else { return nil }
    var bytes = [UInt8](repeating: 0, count: unsafe BIO_ctrl_pending(sink))
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe BIO_read(sink, $0.baseAddress, Int32($0.count)) }
    return Array(bytes.prefix(max(0, Int(count))))
}
