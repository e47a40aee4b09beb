internal import HTTPTypes

/// A form with files as it is sent (RFC 7578).
struct MultipartForm {
    /// Nothing of the form has it: it is random.
    let boundary: String
    private(set) var bytes: [UInt8] = []

    init() { boundary = "\(String(UInt64.random(in: .min ... .max), radix: 36))-igropyr" }

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    /// - Throws: ``InvalidFileType``.
    mutating func append(_ name: String, _ value: FormValue) throws(InvalidFileType) {
        write("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name.escapedForMultipart)\"")
        switch value {
        case .text(let text): write("\r\n\r\n\(text)\r\n")
        case .file(let file):
            let type = file.contentType ?? "application/octet-stream"
            guard HTTPField.isValidValue(type) else { throw InvalidFileType(type: type) }
            write("; filename=\"\(file.name.escapedForMultipart)\"\r\nContent-Type: \(type)\r\n\r\n")
            bytes += file.bytes
            write("\r\n")
        }
    }

    mutating func end() { write("--\(boundary)--\r\n") }

    private mutating func write(_ text: String) { bytes += text.utf8 }
}

/// A file of a form is to be sent as of a type that would end its line.
struct InvalidFileType: Error, Hashable, CustomStringConvertible {
    let type: String
    var description: String { "\(type.debugDescription) is no media type: give the file another contentType, or none" }
}

extension String {
    /// As browsers write names within quotation marks (the HTML standard, "multipart/form-data encoding algorithm").
    fileprivate var escapedForMultipart: String {
        unicodeScalars.reduce(into: "") { escaped, character in
            switch character {
            case "\"": escaped += "%22"
            case "\r": escaped += "%0D"
            case "\n": escaped += "%0A"
            default: escaped.unicodeScalars.append(character)
            }
        }
    }
}
