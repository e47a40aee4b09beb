import ArgumentParser
import Igropyr
import IgropyrTransport

/// How a server proves itself, as options.
struct TLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The server's certificate and those above it, in PEM. Repeatable.", valueName: "file"),
        transform: nonempty)
    var tlsCertificate: [String] = []

    @Option(
        help: ArgumentHelp("The certificate's private key, in PEM, not encrypted. Repeatable.", valueName: "file"),
        transform: nonempty)
    var tlsKey: [String] = []

    @Option(
        help: ArgumentHelp(
            "Let in only clients whose certificate one of the authorities in this file has issued.", valueName: "file"),
        transform: nonempty)
    var tlsClientCA: String?

    func validate() throws {
        guard tlsCertificate.count == tlsKey.count else {
            throw ValidationError("Give one --tls-key for each --tls-certificate, in the same order.")
        }
        guard tlsClientCA == nil || !tlsCertificate.isEmpty else {
            throw ValidationError("--tls-client-ca needs a --tls-certificate and a --tls-key.")
        }
    }

    /// Nil without certificates.
    var configuration: TLSConfiguration? {
        guard !tlsCertificate.isEmpty else { return nil }
        var tls = TLSConfiguration(
            certificates: zip(tlsCertificate, tlsKey).map { .init(chainFile: $0, keyFile: $1) })
        if let tlsClientCA { tls.clientCertificates = .required(caFile: tlsClientCA) }
        return tls
    }
}

extension TLSConfiguration {
    /// Reads the files, as a server would; says on standard error what those that can be used are to be mended for.
    func check() throws(TLSError) {
        for warning in try TLSContext.server(self).warnings { StandardError.write("warning: \(warning)\n") }
    }
}
