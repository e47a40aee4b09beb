internal import Glibc

/// Questions whose answer is waited for on a thread, for want of a way not to, and which cannot be interrupted: those
/// of the system's resolver, which asks a name server that is silent for half a minute. Each question has a thread of
/// its own, and is asked once at a time however many wait for it; none takes a thread of libuv's pool, which files
/// need. Whoever waits is let go in time. For any thread.
final class Lookups<Question: Hashable & Sendable, Answer: Sendable>: Sendable {
    private typealias Outcome = Result<Answer, UVError>

    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var nextNumber = 0
        /// Of each question that is being asked, or is to be.
        var waiters: [Question: [Waiter]] = [:]
        var queue: [Question] = []
        var threads = 0

        /// For a thread that has nothing to do; nil if it is to end.
        mutating func next() -> Question? {
            guard queue.isEmpty else { return queue.removeFirst() }
            threads -= 1
            return nil
        }
    }

    private let threadLimit: Int
    private let queueLimit: Int
    private let ask: @Sendable (Question) -> Result<Answer, UVError>
    private let state = Locked(State())

    /// `ask` blocks. Questions beyond `threads` wait, and beyond `queue` are refused.
    init(threads: Int, queue: Int, _ ask: @escaping @Sendable (Question) -> Result<Answer, UVError>) {
        threadLimit = threads
        queueLimit = queue
        self.ask = ask
    }

    /// - Throws: `UV_ETIMEDOUT` after `time`; `UV_ECANCELED` when the task is cancelled; `UV_EAI_AGAIN` when too many
    ///   questions wait already; `UV_EAGAIN` when the process may have no more threads; what the question is answered.
    ///   `call` is what errors call it.
    func answer(to question: Question, within time: Duration, call: String) async throws(UVError) -> Answer {
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await self.wait(for: question, call) }
            group.addTask {
                let isOver: Void? = try? await Task.sleep(for: time)
                return .failure(UVError(code: isOver == nil ? UVError.cancelled : UVError.timedOut, call: call))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(UVError(code: UVError.cancelled, call: call))
        }
        return try outcome.get()
    }

    private func wait(for question: Question, _ call: String) async -> Outcome {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                begin(question, Waiter(number: number, continuation: continuation), call)
                if Task.isCancelled { leave(question, number, call) }
            }
        } onCancel: {
            leave(question, number, call)
        }
    }

    private enum Step { case waits, needsThread, isRefused }

    private func begin(_ question: Question, _ waiter: Waiter, _ call: String) {
        let step = state.withLock { state -> Step in
            let isNew = state.waiters[question] == nil
            let needsThread = isNew && state.threads < threadLimit
            guard !isNew || needsThread || state.queue.count < queueLimit else { return .isRefused }
            state.waiters[question, default: []].append(waiter)
            if needsThread { state.threads += 1 } else if isNew { state.queue.append(question) }
            return needsThread ? .needsThread : .waits
        }
        switch step {
        case .waits: break
        case .needsThread: startThread(for: question)
        case .isRefused:
            waiter.continuation.resume(returning: .failure(UVError(code: UVError.nameServerBusy, call: call)))
        }
    }

    private func startThread(for question: Question) {
        do throws(UVError) {
            let thread = try IgropyrUV.startThread(name: "igropyr-names") { [self] in
                var next: Question? = question
                while let question = next {
                    finish(question, ask(question))
                    next = state.withLock { $0.next() }
                }
            }
            pthread_detach(thread)
        } catch {
            state.withLock { $0.threads -= 1 }
            finish(question, .failure(error))
        }
    }

    private func finish(_ question: Question, _ outcome: Outcome) {
        let waiters = state.withLock { $0.waiters.removeValue(forKey: question) } ?? []
        for waiter in waiters { waiter.continuation.resume(returning: outcome) }
    }

    /// A question that is being asked goes on: its answer may come in time for who asks next.
    private func leave(_ question: Question, _ number: Int, _ call: String) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters[question]?.firstIndex(where: { $0.number == number }) else { return nil }
            let waiter = state.waiters[question]?.remove(at: index)
            if state.waiters[question]?.isEmpty == true, let place = state.queue.firstIndex(of: question) {
                state.queue.remove(at: place)
                state.waiters[question] = nil
            }
            return waiter
        }
        waiter?.continuation.resume(returning: .failure(UVError(code: UVError.cancelled, call: call)))
    }
}
