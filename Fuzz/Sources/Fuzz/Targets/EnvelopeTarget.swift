import Foundation
@testable import IgropyrCluster
import IgropyrOrchestration
import IgropyrText

/// The messages of the control API, and the lines of topics: which one, then its JSON.
enum EnvelopeTarget: FuzzTarget {
    static let name = "envelope"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = Int(input.byte())
        let json = Data(input.rest)
        checks[choice % checks.count](json)
    }

    private static let checks: [@Sendable (Data) -> Void] = [
        { check(StateExchange.self, $0) }, { check(DeployRequest.self, $0) }, { check(SecretRequest.self, $0) },
        { check(OfferAnswer.self, $0) }, { check(ChunkHoldings.self, $0) }, { check(ErrorAnswer.self, $0) },
        { check(ChangeRequest.self, $0) }, { check(SchedulingRequest.self, $0) }, { check(PlanRequest.self, $0) },
        { check(PlanReport.self, $0) }, { check(MembersReport.self, $0) }, { check(EventLine.self, $0) },
        { check(EventMessage.self, $0) }, { check(QuestionMessage.self, $0) }, { check(CertificateRequest.self, $0) },
        { check(CertificatesReport.self, $0) }, { check(AdmissionAnswer.self, $0) }, { check(KeysMessage.self, $0) },
        { check(KeyOutcome.self, $0) }, { check(ForceLeaveMessage.self, $0) }, { check(CoordinatesReport.self, $0) },
        { check(ExecRequest.self, $0) }, { check(LogsRequest.self, $0) }, { check(LogLine.self, $0) },
        { check(TopReport.self, $0) }, { check(StatusReport.self, $0) }, { check(AuditReport.self, $0) },
        { check(TopicsRequest.self, $0) }, { check(TopicLine.self, $0) },
    ]

    /// A message that was read and written again is the same one, in bytes that do not depend on the moment.
    private static func check<Message: Codable>(_: Message.Type, _ json: Data) {
        guard let message = try? JSONDecoder().decode(Message.self, from: json) else { return }
        let written = write(message)
        do {
            let again = write(try JSONDecoder().decode(Message.self, from: written))
            require(again == written, "a message that was written again is another one")
        } catch { fatalError("what was written cannot be read: \(error)") }
        // No line of a stream may hold a line's end.
        require(!written.contains(0x0A))
    }

    private static func write(_ message: some Encodable) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        do { return try encoder.encode(message) } catch { fatalError("what was read cannot be written: \(error)") }
    }
}
