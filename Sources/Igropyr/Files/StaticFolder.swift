internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrUV

/// Answers requests with the files of a folder.
struct StaticFolder: Sendable {
    /// Files up to this size are read at once and go out in one write with the head.
    private static let smallBytes = 16 << 10

    private let folder: Folder

    init(_ folder: Folder) { self.folder = folder }

    func response(to request: Request) throws -> Response {
        var names = try request.restSegments()
        let isFolder = names.last?.isEmpty ?? false
        if isFolder { names[names.count - 1] = "index.html" }
        guard names.allSatisfy(Self.isServed), let entry = try open(names.joined(separator: "/")) else {
            throw HTTPFailure(.notFound)
        }
        switch entry {
        case .file(let file): return try response(to: request, file: file, name: names.last ?? "")
        case .folder:
            guard !isFolder else { throw HTTPFailure(.notFound) }
            return Redirect(to: Self.withSlash(request), status: .permanentRedirect).makeResponse()
        }
    }

    /// A slash in a name was escaped: it is none of a path.
    private static func isServed(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(UInt8(ascii: "/")) && (!name.hasPrefix(".") || name == ".well-known")
    }

    private static func withSlash(_ request: Request) -> String {
        let query = request.target.split(separator: "?", maxSplits: 1).dropFirst().first
        return request.path + "/" + (query.map { "?" + $0 } ?? "")
    }

    /// Nil for what cannot be opened, whatever the reason: which it was is not the client's business.
    private func open(_ path: String) throws(UVError) -> Folder.Entry? {
        do throws(UVError) {
            return try folder.open(beneath: path)
        } catch {
            // No descriptor or memory left is our trouble, and passes.
            if error.code == UVError.tooManyOpenFiles { throw error }
            return nil
        }
    }

    private func response(to request: Request, file: OpenFile, name: String) throws(UVError) -> Response {
        let validators = FileValidators(file)
        if validators.isUnchanged(for: request) { return validators.add(to: Response(.notModified)) }
        var response = Response(.ok, MIMETypes.system.type(ofFile: name), .none)
        response.fields[.acceptRanges] = "bytes"
        var range = 0..<file.size
        switch RequestedRange(request, validators: validators, size: file.size) {
        case .whole: break
        case .part(let part):
            range = part
            response.status = .partialContent
            response.fields[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"
        case .unsatisfiable:
            return Response(.rangeNotSatisfiable).with(.contentRange, "bytes */\(file.size)")
        }
        response.body = try body(of: file, range, for: request)
        return validators.add(to: response)
    }

    private func body(of file: OpenFile, _ range: Range<Int>, for request: Request) throws(UVError) -> Response.Body {
        guard range.count <= Self.smallBytes, request.method != .head else { return .file(file, range) }
        let bytes = try file.read(at: range.lowerBound, count: range.count)
        return bytes.count == range.count ? .bytes(bytes) : .file(file, range)
    }
}
