public import HTTPTypes
internal import FoundationEssentials

/// What a handler may return.
public protocol ResponseConvertible: SendableMetatype {
    func makeResponse() throws -> Response
}

extension Response: ResponseConvertible {
    public func makeResponse() -> Response { self }
}

/// `text/plain` in UTF-8.
extension String: ResponseConvertible {
    public func makeResponse() -> Response { Response(text: self) }
}

/// A status without a body.
extension HTTPResponse.Status: ResponseConvertible {
    public func makeResponse() -> Response { Response(self) }
}

/// Nil is 404.
extension Optional: ResponseConvertible where Wrapped: ResponseConvertible {
    public func makeResponse() throws -> Response {
        guard let self else { throw HTTPFailure(.notFound) }
        return try self.makeResponse()
    }
}

/// A page, in UTF-8.
public struct HTML: ResponseConvertible, Sendable {
    public var text: String

    public init(_ text: String) { self.text = text }

    public func makeResponse() -> Response { makeResponse(.ok) }

    func makeResponse(_ status: HTTPResponse.Status) -> Response {
        Response(status, text: text, contentType: "text/html; charset=utf-8")
    }
}

/// A value as JSON.
public struct JSON<Value: Encodable>: ResponseConvertible {
    public var value: Value
    public var status: HTTPResponse.Status

    public init(_ value: Value, status: HTTPResponse.Status = .ok) {
        self.value = value
        self.status = status
    }

    public func makeResponse() throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let data = try encoder.encode(value)
        return Response(status, bytes: Array(data), contentType: "application/json")
    }
}

extension JSON: Sendable where Value: Sendable {}

/// A type whose values are answered as JSON, alone, in arrays and as values of dictionaries: declare the conformance.
public protocol ResponseEncodable: Encodable, ResponseConvertible {}

/// A type that comes as JSON and goes as JSON.
public typealias ResponseCodable = ResponseEncodable & Decodable

extension ResponseEncodable {
    public func makeResponse() throws -> Response { try JSON(self).makeResponse() }
}

extension Array: ResponseConvertible where Element: ResponseEncodable {}
extension Array: ResponseEncodable where Element: ResponseEncodable {}
extension Dictionary: ResponseConvertible where Key == String, Value: ResponseEncodable {}
extension Dictionary: ResponseEncodable where Key == String, Value: ResponseEncodable {}

/// Sends the client elsewhere.
public struct Redirect: ResponseConvertible, Sendable {
    public var location: String
    public var status: HTTPResponse.Status

    public init(to location: String, status: HTTPResponse.Status = .seeOther) {
        self.location = location
        self.status = status
    }

    public func makeResponse() -> Response { Response(status).with(.location, location) }
}
