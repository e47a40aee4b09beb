import Foundation
import HTTPTypes
import Igropyr
import IgropyrUV
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConditionalHandlerTests {
    @Test func `a handler answers conditions on a version of its own`() async throws {
        let revision = Locked<Int?>(nil)
        try await withApp { app in
            app.get("/note") { request -> Response in
                guard let number = revision.withLock({ $0 }) else { throw HTTPFailure(.notFound) }
                let validators = Validators(entityTag: EntityTag("\(number)"))
                return request.conditionalAnswer(for: validators) ?? Response(text: "note").with(validators)
            }
            app.put("/note") { request -> Response in
                let present = revision.withLock { $0 }.map { Validators(entityTag: EntityTag("\($0)")) }
                if let answer = request.conditionalAnswer(for: present) { return answer }
                revision.withLock { $0 = ($0 ?? 0) + 1 }
                return Response(.noContent)
            }
        } _: { caller in
            let steps: [(method: String, field: (String, String)?, status: Int)] = [
                ("GET", nil, 404),
                ("PUT", ("If-Match", "*"), 412),  // Not there yet.
                ("PUT", ("If-None-Match", "*"), 204),  // Creates revision 1.
                ("PUT", ("If-None-Match", "*"), 412),
                ("GET", ("If-None-Match", "\"1\""), 304),
                ("GET", ("If-None-Match", "\"0\""), 200),
                ("PUT", ("If-Match", "\"0\""), 412),  // Somebody else was first.
                ("PUT", ("If-Match", "W/\"1\""), 412),
                ("PUT", ("If-Match", "\"1\""), 204),
                ("GET", ("If-None-Match", "\"1\""), 200),
                ("HEAD", ("If-None-Match", "\"2\""), 304),
            ]
            for (number, step) in steps.enumerated() {
                let response = try await caller.send("/note", step.field.map { [$0] } ?? [], method: step.method)
                #expect(response.status == step.status, "step \(number)")
                if step.status == 304 { #expect(response.field("ETag") != nil && response.body.isEmpty) }
            }
        }
    }

    private static let dates: [(seconds: Double, text: String)] = [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (784_111_777.999, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (-0.5, "Wed, 31 Dec 1969 23:59:59 GMT"), (1e300, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (-.infinity, "Sat, 01 Jan 0000 00:00:00 GMT"),
    ]

    @Test(arguments: dates) func `a date of Foundation's is one of HTTP's, and the other way round`(
        seconds: Double, text: String
    ) throws {
        let date = HTTPDate(Date(timeIntervalSince1970: seconds))
        #expect(date.text == text)
        #expect(HTTPDate(Date(date)) == date)
        #expect(Date(try #require(HTTPDate(text))).timeIntervalSince1970 == Double(date.seconds))
    }
}
