internal import IgropyrUV

/// A connection that is being opened, for a bounded time.
final class ConnectAttempt {
    private let tcp: TCPStream
    private let address: SocketAddress
    private let timeout: Duration
    private var timer: WheelTimer?
    private var completion: ((Result<TCPStream, HTTPClientFailure.Cause>) -> Void)?

    init(to address: SocketAddress, timeout: Duration, pool: HTTPConnectionPool) throws(UVError) {
        self.address = address.inZone(pool.settings.zone)
        self.timeout = timeout
        tcp = try TCPStream(on: pool.loop)
        timer = WheelTimer(on: pool.wheel) { [self] in fail(.timedOut) }
    }

    func start(_ completion: @escaping (Result<TCPStream, HTTPClientFailure.Cause>) -> Void) {
        self.completion = completion
        timer?.arm(after: timeout)
        tcp.connect(to: address) { [self] error in
            if let error { return fail(.connection(.network(error))) }
            finish(.success(tcp))
        }
    }

    func fail(_ cause: HTTPClientFailure.Cause) {
        tcp.close()
        finish(.failure(cause))
    }

    private func finish(_ outcome: Result<TCPStream, HTTPClientFailure.Cause>) {
        timer?.invalidate()
        timer = nil
        let completion = completion
        self.completion = nil
        completion?(outcome)
    }
}
