internal import HTTPTypes
internal import IgropyrHTTP

extension Request {
    /// The parts of a form with files (`multipart/form-data`), as they arrive.
    ///
    /// ```swift
    /// for try await part in try request.multipart() {
    ///     if part.name == "picture" { for try await piece in part.body { … } }
    /// }
    /// ```
    ///
    /// What of a part is not read is skipped. The route's `bodyLimit` bounds the whole.
    /// - Throws: ``HTTPFailure`` 415 if the body is something else; while it is read 400, 413 or 431 for what breaks
    ///   the rules of multipart or its limits, and as ``body``.
    public func multipart(limits: MultipartLimits = MultipartLimits()) throws -> MultipartBody {
        guard let type = header("Content-Type").flatMap({ FieldParameters($0) }), type.value == "multipart/form-data"
        else { throw HTTPFailure(.unsupportedMediaType, "Send multipart/form-data.") }
        do throws(MultipartError) {
            let parser = try MultipartParser(boundary: type["boundary"] ?? "", limits: limits)
            return MultipartBody(reader: MultipartReader(parser, body))
        } catch {
            throw HTTPFailure(telling: error)
        }
    }
}

/// The parts of a form with files, to be gone through once.
public struct MultipartBody: AsyncSequence {
    public typealias Element = Part

    fileprivate let reader: MultipartReader

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: MultipartReader

        public func next() async throws -> Part? { try await reader.nextPart() }

        public func next(isolation actor: isolated (any Actor)?) async throws -> Part? { try await reader.nextPart() }
    }

    /// One field of the form, or one file.
    public struct Part {
        /// The field's name.
        public let name: String
        /// Of a file: what stands behind the last slash or backslash of the name that the client gave. Only a name: it
        /// may be empty, or that of any other file.
        public let fileName: String?
        public let contentType: String?
        public let fields: HTTPFields
        fileprivate let number: Int
        fileprivate let reader: MultipartReader

        /// The data, piece by piece as it arrives; nothing more once the next part was asked for.
        public var body: PartBody { PartBody(part: number, reader: reader) }

        /// All data.
        /// - Throws: ``HTTPFailure`` 413 if there are more than `limit` bytes.
        public func bytes(upTo limit: Int) async throws -> [UInt8] { try await body.collected(upTo: limit) }

        /// All data as text.
        /// - Throws: ``HTTPFailure`` 400 for what is not UTF-8, and as ``bytes(upTo:)``.
        public func text(upTo limit: Int) async throws -> String {
            guard let text = String(validating: try await bytes(upTo: limit), as: UTF8.self) else {
                throw HTTPFailure(.badRequest, "The field \"\(name)\" is not UTF-8.")
            }
            return text
        }

        /// What a form's property is made of; the route's `bodyLimit` bounds it. Nil for what browsers send where no
        /// file was chosen.
        func value() async throws -> FormValue? {
            guard let fileName else { return .text(try await text(upTo: .max)) }
            let bytes = try await bytes(upTo: .max)
            guard !fileName.isEmpty || !bytes.isEmpty else { return nil }
            return .file(FormFile(name: fileName, contentType: contentType, bytes: bytes))
        }
    }

    public struct PartBody: AsyncSequence {
        public typealias Element = [UInt8]

        fileprivate let part: Int
        fileprivate let reader: MultipartReader

        public func makeAsyncIterator() -> Iterator { Iterator(part: part, reader: reader) }

        public struct Iterator: AsyncIteratorProtocol {
            fileprivate let part: Int
            fileprivate let reader: MultipartReader

            public func next() async throws -> [UInt8]? { try await reader.nextPiece(of: part) }

            public func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
                try await reader.nextPiece(of: part)
            }
        }
    }
}

/// Pulls the parts of a request's body through the parser.
private final class MultipartReader {
    private var parser: MultipartParser
    private let body: RequestBody
    private var buffer: [UInt8] = []
    /// Consumed at the front of `buffer`.
    private var offset = 0
    private var number = 0
    private var isInPart = false

    init(_ parser: MultipartParser, _ body: RequestBody) {
        self.parser = parser
        self.body = body
    }

    func nextPart() async throws -> MultipartBody.Part? {
        while isInPart { _ = try await nextPiece(of: number) }
        while true {
            switch try await next() {
            case .part(let fields, let consumed):
                let part = try part(fields)
                offset += consumed
                isInPart = true
                return part
            case .end: return nil
            case .preamble(let consumed), .endOfPart(let consumed), .data(_, let consumed): offset += consumed
            case .needMore: break
            }
        }
    }

    func nextPiece(of part: Int) async throws -> [UInt8]? {
        guard isInPart, part == number else { return nil }
        switch try await next() {
        case .data(let range, let consumed):
            defer { offset += consumed }
            return Array(buffer[offset...][(offset + range.lowerBound)..<(offset + range.upperBound)])
        case .endOfPart(let consumed):
            offset += consumed
            isInPart = false
            return nil
        case .needMore, .part, .end, .preamble: return nil
        }
    }

    /// The next event that is one; its ranges count from `offset`.
    private func next() async throws -> MultipartParser.Event {
        while true {
            let event = try parsed()
            guard event == .needMore else { return event }
            guard let piece = try await body.nextPiece() else {
                do throws(MultipartError) { try parser.handleEndOfInput() } catch { throw HTTPFailure(telling: error) }
                return .end(consumed: 0)
            }
            buffer.removeFirst(offset)
            offset = 0
            buffer += piece
        }
    }

    private func parsed() throws(HTTPFailure) -> MultipartParser.Event {
        do throws(MultipartError) {
            let buffer = buffer
            let bytes = unsafe buffer.span.bytes
            return try parser.next(in: bytes.extracting(droppingFirst: offset))
        } catch {
            throw HTTPFailure(telling: error)
        }
    }

    private func part(_ range: Range<Int>) throws(HTTPFailure) -> MultipartBody.Part {
        let buffer = buffer
        let bytes = unsafe buffer.span.bytes
        let fields = FieldIterator(range).httpFields(in: bytes.extracting(droppingFirst: offset))
        guard let disposition = fields[.contentDisposition].flatMap({ FieldParameters($0) }),
            disposition.value == "form-data", let name = disposition["name"]
        else { throw HTTPFailure(.badRequest, "A part of the form has no name.") }
        number += 1
        return MultipartBody.Part(
            name: name, fileName: disposition["filename"].map(Self.lastComponent), contentType: fields[.contentType],
            fields: fields, number: number, reader: self)
    }

    private static func lastComponent(_ path: String) -> String {
        // By bytes: as a character, a slash is another one with a mark behind it.
        let slash = path.utf8.lastIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        return name == "." || name == ".." ? "" : name
    }
}

extension HTTPFailure {
    fileprivate init(telling error: MultipartError) {
        self.init(HTTPResponse.Status(code: error.status), "The form cannot be understood: \(error)")
    }
}
