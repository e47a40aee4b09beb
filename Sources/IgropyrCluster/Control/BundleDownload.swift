internal import FoundationEssentials
internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// One bundle on its way from a peer into a file; stays on its loop.
final class BundleDownload: HTTPClientExchange {
    private let sink: FileSink
    private var connection: HTTPClientConnection?
    private var status = 0
    /// Of an answer that is no bundle.
    private var answer: [UInt8] = []
    private var continuation: CheckedContinuation<Result<Void, any Error>, Never>?

    private init(into sink: FileSink) { self.sink = sink }

    static func run(
        _ digest: BundleDigest, from node: SocketAddress, into sink: FileSink, over pool: HTTPConnectionPool
    ) async -> Result<Void, any Error> {
        let download = BundleDownload(into: sink)
        return await withCheckedContinuation { continuation in
            download.continuation = continuation
            pool.connection(to: node) { outcome in
                switch outcome {
                case .failure(let failure): download.finish(.failure(failure))
                case .success(let connection): download.begin(digest, on: connection)
                }
            }
        }
    }

    private func begin(_ digest: BundleDigest, on connection: HTTPClientConnection) {
        self.connection = connection
        sink.onPause = { [weak connection] in connection?.pauseResponse() }
        sink.onResume = { [weak connection] in connection?.resumeResponse() }
        connection.begin(self)
        do throws(HTTPSerializer.Failure) {
            try connection.head.beginRequest(.get, target: "/v1/bundles/\(digest)")
            try connection.head.appendField("Host", connection.address.description)
        } catch { preconditionFailure("a digest is plain text") }
        connection.endHead(method: .get, framing: .none)
    }

    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) { status = head.status }

    func responseBodyDidArrive(_ bytes: RawSpan) {
        if status == 200 {
            sink.append(bytes)
        } else if answer.count + bytes.byteCount <= 4096 {
            answer += bytes.array(in: 0..<bytes.byteCount)
        }
    }

    func responseDidEnd() {
        connection = nil
        guard status == 200 else {
            let reason = try? JSONDecoder().decode(ErrorAnswer.self, from: Data(answer)).error
            return finish(.failure(ControlError(.refused(status: status), reason ?? "the answer was \(status)")))
        }
        sink.finish { [self] failure in
            switch failure {
            case .file(let error): finish(.failure(error))
            case .tooLarge(let limit): finish(.failure(ControlError(.local, "the bundle has more than \(limit) bytes")))
            case nil: finish(.success(()))
            }
        }
    }

    func requestDidDrain() {}

    func exchangeDidFail(_ failure: HTTPClientFailure) {
        connection = nil
        // What is being written must be over before the file is removed.
        sink.finish { [self] _ in finish(.failure(failure)) }
    }

    private func finish(_ outcome: Result<Void, any Error>) {
        let continuation = continuation
        self.continuation = nil
        continuation?.resume(returning: outcome)
    }
}
