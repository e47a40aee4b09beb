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
            switch PreferredForm(accept: request.header("Accept")) {
            case .text: response
            case .json: problem
            case .html: page
            }
        if let fields { response.fields.append(contentsOf: fields) }
        return response
    }

    /// For where there is no request any more.
    var response: Response { Response(status, text: message + "\n") }

    private var problem: Response {
        let problem = Problem(status: status.code, title: status.reasonPhrase, detail: message)
        guard let data = try? JSONEncoder().encode(problem) else { return response }
        return Response(status, bytes: Array(data), contentType: "application/problem+json")
    }

    private var page: Response {
        let title = "\(status.code) \(status.reasonPhrase)"
        let detail = message == status.reasonPhrase ? "" : "<p>\(message.escapedForHTML)</p>\n"
        return HTML(
            """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><title>\(title.escapedForHTML)</title>
            <h1>\(title.escapedForHTML)</h1>
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

/// What a client that gets an error can read, by its `Accept` (RFC 9110 §12.5.1).
enum PreferredForm {
    case text, json, html

    /// The form of the highest quality, the first of several; text if it is all the same to the client.
    init(accept: String?) {
        self = .text
        guard let accept, accept.utf8.count <= 4096 else { return }
        var best = 0
        for element in accept.split(separator: ",") {
            let parts = element.split(separator: ";")
            guard let name = parts.first, let form = Self.form(of: name.trimmedOfSpaces) else { continue }
            let quality = Self.quality(parts.dropFirst())
            guard quality > best else { continue }
            best = quality
            self = form
        }
    }

    private static func form(of type: Substring) -> PreferredForm? {
        switch type.lowercased() {
        case "text/html", "application/xhtml+xml": .html
        case "application/json", "application/problem+json": .json
        case "text/plain": .text
        default: nil
        }
    }

    /// In thousandths; 0 for what is none.
    private static func quality(_ parameters: ArraySlice<Substring>) -> Int {
        for parameter in parameters {
            let trimmed = parameter.trimmedOfSpaces
            guard trimmed.lowercased().hasPrefix("q=") else { continue }
            guard let quality = Double(trimmed.dropFirst(2)), (0...1).contains(quality) else { return 0 }
            return Int(quality * 1000)
        }
        return 1000
    }
}

extension StringProtocol {
    /// Without the spaces and tabs at both ends: by scalars, since as a character a space is another one with a mark behind it.
    package var trimmedOfSpaces: SubSequence {
        let isSpace: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
        let scalars = unicodeScalars
        guard let start = scalars.firstIndex(where: { !isSpace($0) }),
            let end = scalars.lastIndex(where: { !isSpace($0) })
        else { return self[startIndex..<startIndex] }
        return self[start..<scalars.index(after: end)]
    }
}

extension String {
    package var escapedForHTML: String {
        var escaped = ""
        for character in unicodeScalars {  // A combining mark behind a quote does not hide it.
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
