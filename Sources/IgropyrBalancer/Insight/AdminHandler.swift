import IgropyrHTTP
import IgropyrInsight
import IgropyrTransport

/// The pages of a balancer's ``AdminServer``.
final class AdminHandler: HTTPRequestHandler {
    /// Each has its path; for another page, add a case and what it answers.
    private enum Page: String, CaseIterable {
        case metrics = "/metrics"
        case health = "/health"
        case workers = "/workers"
        case explain = "/explain"
    }

    /// How long a loop may take to report; a scrape waits ten seconds by default.
    private static let patience = Duration.seconds(5)

    private let balancer: Balancer

    init(_ balancer: Balancer) { self.balancer = balancer }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        guard let page = Page(rawValue: bytes.string(in: head.path)) else {
            let paths = Page.allCases.map(\.rawValue).joined(separator: ", ")
            return AdminAnswer.text(404, "there are \(paths)\n").send(on: connection)
        }
        guard head.method == .get || head.method == .head else {
            return AdminAnswer.text(405, "this takes GET and HEAD only\n").send(on: connection, allow: "GET, HEAD")
        }
        let question = head.query.flatMap { try? QueryPair.parse($0, in: bytes) } ?? []
        nonisolated(unsafe) let connection = connection  // The task runs on this thread.
        let balancer = balancer
        unsafe Task(executorPreference: connection.loop) {
            unsafe await Self.answer(page, question, of: balancer).send(on: connection)
        }
    }

    private static let ignorance =
        "this balancer knows of no application: none is deployed (igropyr apps), or it has not found the cluster yet "
        + "(its log, igropyr members)\n"

    private static func answer(_ page: Page, _ question: [QueryPair], of balancer: Balancer) async -> AdminAnswer {
        switch page {
        case .metrics:
            guard let report = await balancer.report(within: patience) else { return .loopsAreBusy }
            let text = report.prometheusText(droppedLogLines: balancer.droppedAccessLogLines)
            return AdminAnswer(status: 200, contentType: PrometheusText.contentType, body: Array(text.utf8))
        case .health:
            let health = balancer.health
            return .json(HealthAnswer(status: health.rawValue), status: health == .serving ? 200 : 503)
        case .workers:
            guard let report = await balancer.report(within: patience) else { return .loopsAreBusy }
            return .json(WorkersAnswer(balancer.snapshot, report))
        case .explain:
            guard let snapshot = balancer.snapshot else { return .text(503, Self.ignorance) }
            guard let report = await balancer.report(within: patience) else { return .loopsAreBusy }
            do throws(Explanation.Invalid) {
                return .json(try Explanation(question, snapshot, report))
            } catch {
                return .text(400, error.description)
            }
        }
    }
}

/// Whether requests should come here.
enum BalancerHealth: String {
    case serving
    case noWorkers = "no workers"
    case draining
}

private struct HealthAnswer: Encodable { var status: String }
