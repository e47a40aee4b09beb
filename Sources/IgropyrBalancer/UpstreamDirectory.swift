import IgropyrOrchestration
import IgropyrTime
import IgropyrUV

/// Makes a balancer's snapshots of what the cluster offers, off the loops that serve, and gives newcomers their share step by
/// step.
actor UpstreamDirectory: LoopBound {
    nonisolated let loop: EventLoop
    private let balancer: Balancer
    private var slowStart: SlowStart
    private var view: ClusterView?
    private var timer: Timer?

    init(of balancer: Balancer, slowStart: Duration, on loop: EventLoop) throws(UVError) {
        self.balancer = balancer
        self.slowStart = SlowStart(duration: slowStart)
        self.loop = loop
        timer = try Timer(on: loop)
    }

    /// Before it has heard of any application, a balancer knows nothing rather than that there is none: requests wait.
    func update(_ view: ClusterView) {
        guard view != self.view, self.view != nil || !view.endpoints.isEmpty else { return }
        self.view = view
        slowStart.note(Set(view.endpoints.values.flatMap { $0.map(\.slot.id) }), at: loop.now)
        publish()
    }

    private func publish() {
        guard let view, let timer else { return }
        let (slowStart, now) = (slowStart, loop.now)
        let snapshot = UpstreamSnapshot(view, reusing: balancer.snapshot) { slowStart.step(of: $0, at: now) }
        balancer.update(snapshot)
        guard let deadline = slowStart.deadline(after: now) else { return timer.cancel() }
        try? timer.start(after: now.duration(to: deadline)) { self.publish() }  // Fails only once closed.
    }

    func close() {
        timer?.close()
        timer = nil
    }
}
