public import FoundationEssentials
public import HTTPTypes
internal import IgropyrTransport

/// What a server answered to an ``HTTPClient``.
public struct HTTPClientResponse: Sendable {
    public let status: HTTPResponse.Status
    public let fields: HTTPFields
    public let body: [UInt8]
    /// Where it comes from, after all redirections.
    public let url: String

    package init(_ response: HTTPRequester.Response, from url: String) {
        status = HTTPResponse.Status(code: response.status)
        fields = HTTPFields(response.fields)
        body = response.body
        self.url = url
    }

    /// The body as UTF-8; what is none is replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The body's JSON as a value.
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, by decoder: JSONDecoder = .forBodies
    ) throws -> Value {
        try decoder.decode(type, from: Data(body))
    }

    /// The value of the cookie that was set last under that name; empty for one that was removed, nil without one. Send
    /// it back by the field `Cookie`.
    public func cookie(_ name: String) -> String? {
        let set = fields[values: .setCookie].last { $0.hasPrefix("\(name)=") }
        return set.map { String($0.dropFirst(name.count + 1).prefix { $0 != ";" }) }
    }
}

extension HTTPFields {
    /// Without those whose name is none.
    init(_ fields: [(name: String, value: String)]) {
        self.init()
        for (name, value) in fields {
            if let name = HTTPField.Name(name) { append(HTTPField(name: name, value: value)) }
        }
    }
}
