public import HTTPTypes
public import FoundationEssentials
internal import IgropyrHTTP

/// What a handler may return: text, a ``Response``, a status, ``HTML``, ``JSON``, a ``Redirect``, an optional of those;
/// and, as JSON, values of a type of yours that is ``ResponseEncodable``, one by one and in arrays.
public protocol ResponseConvertible: SendableMetatype {
    /// `request` is what is answered; most answer all alike.
    func makeResponse(for request: Request) throws -> Response
}

extension Response: ResponseConvertible {
    public func makeResponse(for request: Request) -> Response { self }
}

/// `text/plain` in UTF-8.
extension String: ResponseConvertible {
    public func makeResponse(for request: Request) -> Response { Response(text: self) }
}

/// A status without a body.
extension HTTPResponse.Status: ResponseConvertible {
    public func makeResponse(for request: Request) -> Response { Response(self) }
}

/// Nil is 404.
extension Optional: ResponseConvertible where Wrapped: ResponseConvertible {
    public func makeResponse(for request: Request) throws -> Response {
        guard let self else { throw HTTPFailure(.notFound) }
        return try self.makeResponse(for: request)
    }
}

/// A value as JSON.
public struct JSON<Value: Encodable>: ResponseConvertible {
    public var value: Value
    public var status: HTTPResponse.Status
    private let encoder: JSONEncoder?

    /// Written by `encoder`, or else by the application's (``App/Configuration/jsonEncoder``), which has dates as ISO
    /// 8601 has them, `2026-11-29T21:16:10Z`, unless it is told otherwise.
    public init(_ value: Value, status: HTTPResponse.Status = .ok, by encoder: JSONEncoder? = nil) {
        self.value = value
        self.status = status
        self.encoder = encoder
    }

    public func makeResponse(for request: Request) throws -> Response {
        let encoder = encoder ?? request.app.jsonEncoder
        return Response(status, bytes: Array(try encoder.encode(value)), contentType: "application/json")
    }
}

extension JSON: Sendable where Value: Sendable {}

extension JSONEncoder {
    /// As an application writes JSON at first: dates by ISO 8601, slashes as they are. Made anew at each call, to be
    /// changed.
    public static var forBodies: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }
}

extension JSONDecoder {
    /// As an application reads JSON at first: dates by ISO 8601, with a fraction of the second or without. Made anew at
    /// each call, to be changed.
    public static var forBodies: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            // Foundation's own strategy does not say which value it fails at.
            let container = try decoder.singleValueContainer()
            return try Date(iso8601: try container.decode(String.self), at: decoder.codingPath)
        }
        return decoder
    }
}

/// A type whose values are answered as JSON, alone, in arrays and as values of dictionaries: declare the conformance.
public protocol ResponseEncodable: Encodable, ResponseConvertible {}

/// A type that comes as JSON and goes as JSON.
public typealias ResponseCodable = ResponseEncodable & Decodable

extension ResponseEncodable {
    public func makeResponse(for request: Request) throws -> Response { try JSON(self).makeResponse(for: request) }
}

extension Array: ResponseConvertible where Element: ResponseEncodable {}
extension Array: ResponseEncodable where Element: ResponseEncodable {}
extension Dictionary: ResponseConvertible where Key == String, Value: ResponseEncodable {}
extension Dictionary: ResponseEncodable where Key == String, Value: ResponseEncodable {}

/// Sends the client elsewhere: to a path, or to a URL. What cannot stand in one is escaped.
public struct Redirect: ResponseConvertible, Sendable {
    public var location: String
    public var status: HTTPResponse.Status

    public init(to location: String, status: HTTPResponse.Status = .seeOther) {
        self.location = location
        self.status = status
    }

    public func makeResponse(for request: Request) -> Response { response }

    package var response: Response {
        Response(status).with(.location, PercentEncoding.encodeReference(location))
    }
}
