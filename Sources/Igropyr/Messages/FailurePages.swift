internal import FoundationEssentials
internal import HTTPTypes
internal import IgropyrHTTP
internal import Logging

/// Makes responses of errors: what clients are told, and in which form.
struct FailurePages: Sendable {
    typealias Handler = @Sendable (any Error, Request) throws -> Response?

    /// The application's own.
    let handler: Handler?

    func response(to error: any Error, _ request: Request) -> Response {
        var response = ownResponse(to: error, request) ?? usualResponse(to: error, request)
        response.failure = error
        return response
    }

    private func ownResponse(to error: any Error, _ request: Request) -> Response? {
        do {
            let response = try handler?(error, request)
            try response?.check()
            return response
        } catch {
            request.logger.error("an error handler failed", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private func usualResponse(to error: any Error, _ request: Request) -> Response {
        if let failure = HTTPFailure(telling: error) { return failure.response(for: request) }
        if error is HTTPSerializer.Failure {
            request.logger.error("a response cannot be written", metadata: ["reason": "\(error)"])
        } else if !request.isAbandoned(with: error) {
            request.logger.error("a handler failed", metadata: ["reason": "\(error)"])
        }
        return HTTPFailure(.internalServerError).response(for: request)
    }
}

extension HTTPFailure {
    /// As JSON (RFC 9457), HTML or text, whichever the client likes best.
    package func response(for request: Request) -> Response {
        var response =
            switch request.acceptedTypes?.best(of: Self.types) {
            case "application/json", "application/problem+json": problem
            case "text/html", "application/xhtml+xml": page
            default: response
            }
        if let fields { response.fields.append(contentsOf: fields) }
        return response
    }

    /// What a client that gets an error may be able to read; text if all is the same to it.
    private static let types = [
        "text/plain", "application/json", "application/problem+json", "text/html", "application/xhtml+xml",
    ]

    /// For where there is no request any more.
    var response: Response { Response(status, text: message + "\n") }

    private var problem: Response {
        let problem = Problem(status: status.code, title: status.reasonPhrase, detail: message)
        guard let data = try? JSONEncoder().encode(problem) else { return response }
        return Response(status, bytes: Array(data), contentType: "application/problem+json")
    }

    private var page: Response {
        let title = "\(status.code) \(status.reasonPhrase)"
        let detail: HTML? = message == status.reasonPhrase ? nil : "<p>\(message)</p>\n"
        return HTML(
            """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><title>\(title)</title>
            <h1>\(title)</h1>
            \(detail)</html>

            """, status: status
        ).response
    }
}

private struct Problem: Encodable {
    let status: Int
    let title: String
    let detail: String
}
