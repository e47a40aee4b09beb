import Glibc
import IgropyrTransport

/// What a peer sends first in TLS: who reads it, where it is cut, bytes.
enum TLSTarget: FuzzTarget {
    static let name = "tls"

    /// A server and a client with a key, and a server with the certificate that `FUZZ_CERTIFICATE` names, if it does.
    private static let contexts: [TLSContext] = {
        let key = PreSharedKey.derived(fromClusterKey: [UInt8](repeating: 7, count: 32))
        do {
            var contexts = [try TLSContext.preSharedKey(key, role: .server), try .preSharedKey(key, role: .client)]
            guard let file = getenv("FUZZ_CERTIFICATE").map({ String(cString: $0) }) else { return contexts }
            let certificate = TLSConfiguration.Certificate(chainFile: file, keyFile: file)
            contexts.append(try .server(TLSConfiguration(certificates: [certificate])))
            return contexts
        } catch { fatalError("\(error)") }
    }()

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let context = contexts[Int(input.byte()) % contexts.count]
        let cut = input.word()
        let bytes = input.rest
        let whole = error(of: bytes, cutAt: bytes.count, context)
        let parted = error(of: bytes, cutAt: min(cut, bytes.count), context)
        require(whole == parted, "it depends on how the input is cut")
    }

    /// Nobody who does not know the key, or has seen nothing of this end's answer, gets through.
    private static func error(of bytes: [UInt8], cutAt cut: Int, _ context: TLSContext) -> TLSError.Code {
        guard let session = try? TLSSession(context) else { fatalError("no memory for a session") }
        let error: TLSError
        do {
            for piece in [0..<cut, cut..<bytes.count] {
                try session.receive(ciphertext: bytes.span.bytes.extracting(piece))
                require(session.isHandshaking)
                check(session)
            }
            try session.receiveEndOfFile()
            fatalError("a handshake without an end is taken for one")
        } catch let thrown { error = thrown }
        require(session.state == .failed && session.isHandshaking)
        check(session)
        do {
            try session.receive(ciphertext: bytes.span.bytes)
            fatalError("the first error is final")
        } catch let again { require(again == error, "the first error is final") }
        return error.code
    }

    private static func check(_ session: TLSSession) {
        require(session.untakenBytes <= 1 << 16, "an answer to a stranger is not bounded")
        session.takeCiphertext { _ in }
        require(session.untakenBytes == 0)
    }
}
