import IgropyrTransport
import TestSupport
import Testing

/// Files that cannot be used; `FOLDER` stands for where they are. Each message names the file and says what to do.
private let mistakes: [(chain: String, key: String, words: [String])] = [
    ("none.pem", "a.key", ["FOLDER/none.pem", "no such file"]),
    ("a.pem", "none.key", ["FOLDER/none.key", "no such file"]),
    ("", "a.key", ["FOLDER/", "no regular file"]),
    ("pipe", "a.key", ["FOLDER/pipe", "no regular file"]),
    ("empty", "a.key", ["FOLDER/empty", "no certificate"]),
    ("a.key", "a.key", ["FOLDER/a.key", "no certificate"]),
    ("damaged.pem", "a.key", ["FOLDER/damaged.pem", "number 1 is damaged"]),
    ("damaged-chain.pem", "a.key", ["FOLDER/damaged-chain.pem", "number 2 is damaged"]),
    ("a.pem", "a.pem", ["FOLDER/a.pem", "no private key"]),
    ("a.pem", "damaged.key", ["FOLDER/damaged.key", "damaged"]),
    ("a.pem", "encrypted.key", ["FOLDER/encrypted.key", "encrypted", "openssl pkey -in"]),
    ("a.pem", "b.key", ["FOLDER/b.key", "FOLDER/a.pem", "does not fit"]),
    ("reversed.pem", "a.key", ["FOLDER/reversed.pem", "own certificate first"]),
    ("weak.pem", "weak.key", ["FOLDER/weak.pem", "too small", "RSA 2048"]),
    ("large", "a.key", ["FOLDER/large", "1 MiB"]),
]

@Suite(.timeLimit(.minutes(5))) struct `Files of certificates and keys` {
    @Test func `that cannot be used end in one line that names them and says what to do`() async throws {
        let authority = try await TestAuthority()
        let folder = authority.folder
        try await authority.issue("a", for: ["DNS:a.example"])
        try await authority.issue("b", for: ["DNS:b.example"])
        try await authority.issue("weak", for: ["DNS:c.example"], key: "rsa:1024")
        try await authority.openssl("pkey -in a.key -aes256 -passout pass:secret -out encrypted.key")
        let (chain, key, root) = (try folder.read("a.pem"), try folder.read("a.key"), try folder.read("ca.pem"))
        try folder.write("empty", "")
        try folder.write("damaged.pem", chain.replacing("MII", with: "MIJ"))
        try folder.write("damaged-chain.pem", chain + root.replacing("MII", with: "MIJ"))
        try folder.write("damaged.key", key.replacing("MI", with: "MJ"))
        try folder.write("reversed.pem", root + chain)
        try folder.write("large", String(repeating: " ", count: 1 << 20 + 1))
        _ = try await run(["mkfifo", "\(folder.path)/pipe"])
        for (chain, key, words) in mistakes {
            let files = TLSConfiguration.Certificate(
                chainFile: "\(folder.path)/\(chain)", keyFile: "\(folder.path)/\(key)")
            let error = #expect(throws: TLSError.self) { _ = try TLSContext.server(.init(certificates: [files])) }
            guard let error else { continue }
            #expect(error.code == .unusableFile && !error.description.contains("\n"))
            for word in words {
                #expect(error.description.contains(word.replacing("FOLDER", with: folder.path)), "\(error)")
            }
        }
        #expect(throws: TLSError.self) { _ = try TLSContext.server(.init(certificates: [])) }
    }

    @Test func `that are needed for clients' certificates are checked, too`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("a", for: ["DNS:a.example"])
        var configuration = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
        for file in ["/nowhere/ca.pem", files.key] {
            configuration.clientCertificates = .required(caFile: file)
            let error = #expect(throws: TLSError.self) { _ = try TLSContext.server(configuration) }
            #expect(error?.description.contains("CA file \(file)") == true, "\(String(describing: error))")
        }
    }

    @Test func `may be one and the same`() async throws {
        let authority = try await TestAuthority()
        try await authority.issue("a", for: ["DNS:a.example"])
        let both = try authority.folder.write(
            "both.pem", try authority.folder.read("a.key") + authority.folder.read("a.pem"))
        let context = try TLSContext.server(.init(certificates: [.init(chainFile: both, keyFile: both)]))
        #expect(context.warnings.isEmpty)
    }

    @Test func `that serve all the same are warned of`() async throws {
        let authority = try await TestAuthority()
        let old = try await authority.issue("old", for: ["DNS:a.example"], days: 0)
        let twin = try await authority.issue("twin", for: ["DNS:A.example", "DNS:b.example"])
        let open = try authority.folder.write("open.key", try authority.folder.read("twin.key"), mode: 0o644)
        let context = try TLSContext.server(
            .init(certificates: [
                .init(chainFile: old.chain, keyFile: old.key), .init(chainFile: twin.chain, keyFile: open),
            ]))
        let texts = context.warnings.map(\.description)
        #expect(texts.count == 3, "\(texts)")
        #expect(texts[0].contains("\(old.chain) has expired on 20"))
        #expect(texts[1].contains("chmod 600 \(open)"))
        #expect(texts[2].contains("a.example in \(twin.chain) has no effect"))
    }
}
