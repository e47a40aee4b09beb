internal import IgropyrUV

/// Work that is asked for more often than it need be done: it is done soon, once for all who ask until then, and never
/// twice at a time. Stays on its loop.
final class CoalescedWork {
    private let loop: EventLoop
    private let pause: Duration
    private var next: (() async -> Void)?
    private var task: Task<Void, Never>?

    /// `pause`: How long more requests are waited for, before each time.
    init(on loop: EventLoop, after pause: Duration = .zero) {
        self.loop = loop
        self.pause = pause
    }

    /// Has `work` done, after what is being done. Of several that wait, the last counts.
    func request(_ work: @escaping () async -> Void) {
        next = work
        guard task == nil else { return }
        task = loop.startLocally { [self] in
            while next != nil {
                if pause > .zero { try? await Task.sleep(for: pause) }
                guard let work = next else { break }
                next = nil
                await work()
            }
            task = nil
        }
    }

    /// Waits until all that was asked for is done.
    func finish() async {
        while let task { await task.value }
    }

    /// Drops what waits, and cancels what is being done.
    func cancel() {
        next = nil
        task?.cancel()
    }
}
