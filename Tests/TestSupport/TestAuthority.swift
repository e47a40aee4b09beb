/// An authority of its own, made by `openssl`, and the certificates that it issues.
public final class TestAuthority: Sendable {
    public let folder: TemporaryFolder
    /// Its own certificate.
    public var file: String { "\(folder.path)/ca.pem" }

    public init() async throws {
        folder = try TemporaryFolder()
        try folder.write(
            "ca.conf",
            "[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\n")
        try await openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30"
                + " -subj /CN=TestAuthority -config ca.conf")
    }

    /// Issues a certificate into `<name>.pem` and its key into `<name>.key`. `days` of 0 makes one that has expired.
    @discardableResult
    public func issue(
        _ name: String, for names: [String], subject: String? = nil, days: Int = 30,
        key: String = "ec -pkeyopt ec_paramgen_curve:P-256"
    ) async throws -> (chain: String, key: String) {
        let alternatives = names.isEmpty ? "" : "subjectAltName=\(names.joined(separator: ","))\n"
        try folder.write("\(name).ext", "basicConstraints=CA:FALSE\n\(alternatives)")
        try await openssl(
            "req -new -newkey \(key) -nodes -keyout \(name).key -out \(name).csr -config ca.conf"
                + " -subj \(subject ?? "/CN=\(name)")")
        try await openssl(
            "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -days \(days) -extfile \(name).ext -out \(name).pem")
        return ("\(folder.path)/\(name).pem", "\(folder.path)/\(name).key")
    }

    /// Runs `openssl` in the authority's folder; `words` are parted by spaces.
    @discardableResult
    public func openssl(_ words: String) async throws -> String {
        let outcome = try await run(["openssl"] + words.split(separator: " ").map(String.init), in: folder.path)
        guard outcome.status == 0 else { throw OpenSSLFailure(description: "openssl \(words): \(outcome.errors)") }
        return outcome.output
    }
}

struct OpenSSLFailure: Error, CustomStringConvertible {
    let description: String
}
