public import FoundationEssentials
public import HTTPTypes
internal import IgropyrHTTP

/// Who asks by HTTP: an ``HTTPClient``, or the client that tests an application. Functions that take
/// `any HTTPRequesting` can be tested without the servers that they ask.
public protocol HTTPRequesting: Sendable {
    /// Asks, and waits for the whole response, whatever its status.
    func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields, body: [UInt8]
    ) async throws -> HTTPClientResponse

    /// The same with a body in pieces, which add up to `length` bytes if that is known. Who does not implement it
    /// collects them first.
    func send<Pieces: AsyncSequence>(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields, body: Pieces, length: Int?
    ) async throws -> HTTPClientResponse where Pieces.Element == [UInt8]
}

extension HTTPRequesting {
    public func send<Pieces: AsyncSequence>(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:], body: Pieces, length: Int? = nil
    ) async throws -> HTTPClientResponse where Pieces.Element == [UInt8] {
        var whole: [UInt8] = []
        for try await piece in body { whole += piece }
        return try await send(method, target, fields: fields, body: whole)
    }

    public func get(_ target: String, fields: HTTPFields = [:]) async throws -> HTTPClientResponse {
        try await send(.get, target, fields: fields, body: [])
    }

    public func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:]
    ) async throws -> HTTPClientResponse {
        try await send(method, target, fields: fields, body: [])
    }

    public func send(
        _ method: HTTPRequest.Method, _ target: String, body: [UInt8]
    ) async throws -> HTTPClientResponse {
        try await send(method, target, fields: [:], body: body)
    }

    /// With text as its body, `text/plain` unless `fields` have another `Content-Type`.
    public func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:], text: String
    ) async throws -> HTTPClientResponse {
        try await send(method, target, fields: fields.or("text/plain; charset=utf-8"), body: Array(text.utf8))
    }

    /// With a form of names and values as its body (`application/x-www-form-urlencoded`).
    public func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:], form: KeyValuePairs<String, String>
    ) async throws -> HTTPClientResponse {
        let pairs = form.map { "\(PercentEncoding.encode($0.key))=\(PercentEncoding.encode($0.value))" }
        return try await send(
            method, target, fields: fields.or("application/x-www-form-urlencoded"),
            body: Array(pairs.joined(separator: "&").utf8))
    }

    /// With a form with files as its body (`multipart/form-data`), a name after the other; a name may come again.
    public func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:],
        multipart: KeyValuePairs<String, FormValue>
    ) async throws -> HTTPClientResponse {
        var form = MultipartForm()
        for (name, value) in multipart { try form.append(name, value) }
        form.end()
        var fields = fields
        fields[.contentType] = form.contentType
        return try await send(method, target, fields: fields, body: form.bytes)
    }

    /// With a value as JSON as its body.
    public func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:], json: some Encodable,
        by encoder: JSONEncoder = .forBodies
    ) async throws -> HTTPClientResponse {
        try await send(
            method, target, fields: fields.or("application/json"), body: Array(try encoder.encode(json)))
    }
}

extension HTTPFields {
    fileprivate func or(_ contentType: String) -> HTTPFields {
        var fields = self
        if fields[.contentType] == nil { fields[.contentType] = contentType }
        return fields
    }
}
