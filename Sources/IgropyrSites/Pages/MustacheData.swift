internal import FoundationEssentials
internal import HTTPTypes
internal import Igropyr
internal import IgropyrConfiguration
internal import IgropyrHTTP

/// What a template is filled with: what stands beside it in a file, and the request.
enum MustacheData {
    /// A page's data have its own name and one of these ends in place of `mustache`.
    static let ends = ["mustache.yaml", "mustache.json"]

    /// Of a data file, as the library takes it.
    /// - Throws: What is wrong with it.
    static func value(of bytes: [UInt8], file: String) throws -> [String: Any] {
        let value =
            file.hasSuffix(".json")
            ? try JSONDecoder().decode(JSONValue.self, from: Data(bytes)).value
            : try Schema<PlainValue>.anything.read(bytes, file: file)
        guard case .mapping(let values) = value else {
            throw MustacheMistake(description: "\(file): a template's data are a mapping with names")
        }
        return values.compactMapValues(plain)
    }

    private static func plain(_ value: PlainValue) -> Any? {
        switch value {
        case .nothing: nil
        case .bool(let flag): flag
        case .text(let text): text
        case .list(let values): values.map { plain($0) ?? "" } as [Any]
        case .mapping(let values): values.compactMapValues(plain) as [String: Any]
        }
    }

    /// Of the request: `path`, `method`, `host`, `user`, `query`, `form`, `headers` and `cookies`.
    static func request(_ call: FileRequest) async throws -> [String: Any] {
        let request = call.request
        var values: [String: Any] = [
            "path": request.path, "method": call.method, "host": call.hostName,
            "query": try pairs(Array((call.query ?? "").utf8)), "form": try await form(call),
        ]
        values["user"] = call.user
        values["headers"] = Dictionary(request.fields.map { ($0.name.canonicalName, $0.value) }) { $0 + ", " + $1 }
        let cookies = request.cookies
        values["cookies"] = Dictionary(cookies.names.map { ($0, cookies[$0] ?? "") }) { first, _ in first }
        return values
    }

    private static func form(_ call: FileRequest) async throws -> [String: String] {
        guard !call.isRestarted, call.method == "POST",
            call.request.header("Content-Type")?.lowercased().hasPrefix("application/x-www-form-urlencoded") ?? false
        else { return [:] }
        return try pairs(try await call.request.body(upTo: call.rules.bodyBytes))
    }

    /// The first value of each name.
    private static func pairs(_ bytes: [UInt8]) throws -> [String: String] {
        let pairs = unsafe try QueryPair.parse(0..<bytes.count, in: bytes.span.bytes)
        return Dictionary(pairs.map { ($0.name, $0.value) }) { first, _ in first }
    }
}

/// JSON of any shape.
private struct JSONValue: Decodable {
    let value: PlainValue

    init(from decoder: any Decoder) throws {
        if let values = try? decoder.container(keyedBy: Key.self) {
            let pairs = try values.allKeys.map { key in
                (key.stringValue, try values.decode(JSONValue.self, forKey: key).value)
            }
            value = .mapping(Dictionary(pairs) { first, _ in first })
        } else if var values = try? decoder.unkeyedContainer() {
            var list: [PlainValue] = []
            while !values.isAtEnd { list.append(try values.decode(JSONValue.self).value) }
            value = .list(list)
        } else {
            value = try Self.single(try decoder.singleValueContainer())
        }
    }

    private static func single(_ container: any SingleValueDecodingContainer) throws -> PlainValue {
        if container.decodeNil() { return .nothing }
        if let flag = try? container.decode(Bool.self) { return .bool(flag) }
        if let number = try? container.decode(Int.self) { return .text("\(number)") }
        if let number = try? container.decode(Double.self) { return .text("\(number)") }
        return .text(try container.decode(String.self))
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
