/// A file of a form (`multipart/form-data`), whole: what a property of this type gets from ``Request/decode(_:)``.
///
/// ```swift
/// struct Profile: Decodable {
///     var name: String
///     var picture: FormFile?
/// }
/// ```
///
/// Where no file was chosen, an optional is nil and an array has none.
public struct FormFile: Sendable, Hashable {
    /// As ``MultipartBody/Part/fileName``: only a name, which may be that of any other file.
    public var name: String
    /// What the client says it is; it may be something else.
    public var contentType: String?
    public var bytes: [UInt8]

    public init(name: String, contentType: String? = nil, bytes: [UInt8]) {
        self.name = name
        self.contentType = contentType
        self.bytes = bytes
    }
}

extension FormFile: Decodable {
    /// - Throws: `DecodingError` from anything but a form.
    public init(from decoder: any Decoder) throws {
        guard case .file(let file)? = (decoder as? ValueDecoder)?.values.first else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath, debugDescription: "not a file; these come by multipart/form-data"))
        }
        self = file
    }
}
