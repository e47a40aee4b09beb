@testable import IgropyrTransport

/// Two sessions back to back; the wire between them cuts what it carries into pieces of `step` bytes.
struct Wire {
    let client: TLSSession
    let server: TLSSession
    let step: Int
    var clientError: TLSError?
    var serverError: TLSError?
    var atClient: [UInt8] = []
    var atServer: [UInt8] = []
    var outcomeAtClient: TLSSession.Outcome?
    var outcomeAtServer: TLSSession.Outcome?

    init(client: TLSSession, server: TLSSession, step: Int = .max) {
        self.client = client
        self.server = server
        self.step = step
    }

    /// Carries bytes both ways until neither end has any left.
    mutating func run() {
        while client.untakenBytes + server.untakenBytes > 0 {
            Self.carry(from: client, to: server, step, &atServer, &outcomeAtServer, &serverError)
            Self.carry(from: server, to: client, step, &atClient, &outcomeAtClient, &clientError)
        }
    }

    private static func carry(
        from sender: TLSSession, to receiver: TLSSession, _ step: Int, _ plaintext: inout [UInt8],
        _ outcome: inout TLSSession.Outcome?, _ error: inout TLSError?
    ) {
        let bytes = sender.taken()
        do throws(TLSError) {
            for start in stride(from: 0, to: bytes.count, by: min(step, max(1, bytes.count))) {
                try receiver.feed(bytes[start..<min(bytes.count, start + min(step, bytes.count))])
                outcome = try receiver.readAll(into: &plaintext)
            }
        } catch let thrown {
            if error == nil { error = thrown }
        }
    }
}

extension TLSSession {
    func taken() -> [UInt8] {
        var bytes: [UInt8] = []
        takeCiphertext { span in span.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    func feed(_ bytes: some Sequence<UInt8>) throws(TLSError) {
        let bytes = Array(bytes)
        try receive(ciphertext: bytes.span.bytes)
    }

    func send(_ bytes: [UInt8]) throws(TLSError) { try write(plaintext: bytes.span.bytes) }

    func readAll(into plaintext: inout [UInt8]) throws(TLSError) -> Outcome {
        while true {
            let outcome = try read { span in span.withUnsafeBytes { plaintext.append(contentsOf: $0) } }
            if outcome != .data { return outcome }
        }
    }

    /// The error of the next read.
    func readError() -> TLSError? {
        var ignored: [UInt8] = []
        do throws(TLSError) { _ = try readAll(into: &ignored) } catch { return error }
        return nil
    }
}
