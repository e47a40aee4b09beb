internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrUV

/// What tells one version of a file from another (RFC 9110 §8.8): its time of change, and this with its size as a tag.
struct FileValidators {
    let modified: HTTPDate
    let tag: String

    init(_ file: OpenFile) {
        modified = HTTPDate(seconds: file.modified.seconds)
        let (seconds, nanoseconds) = file.modified
        tag = "\"\(String(seconds, radix: 36))-\(String(nanoseconds, radix: 36))-\(String(file.size, radix: 36))\""
    }

    func add(to response: Response) -> Response {
        response.with(.eTag, tag).with(.lastModified, modified.text)
    }

    /// Whether the client has this version; its tags count before its date (RFC 9110 §13.2.2).
    func isUnchanged(for request: Request) -> Bool {
        if let tags = request.header("If-None-Match") { return matches(tags) }
        guard let date = request.header("If-Modified-Since").flatMap({ HTTPDate($0) }) else { return false }
        return modified.seconds <= date.seconds
    }

    /// By the weak comparison: `W/` counts for nothing (RFC 9110 §8.8.3.2). Our own tags have no comma.
    private func matches(_ tags: String) -> Bool {
        tags.split(separator: ",").contains { piece in
            let trimmed = piece.drop { $0 == " " || $0 == "\t" }
            let candidate = trimmed.hasPrefix("W/") ? trimmed.dropFirst(2) : trimmed
            return trimmed == "*" || candidate.hasPrefix(tag)
        }
    }

    /// Whether a part of what the client has is a part of this version (RFC 9110 §13.1.5): exactly the tag, or the date.
    func allowsRange(for request: Request) -> Bool {
        guard let condition = request.header("If-Range") else { return true }
        return condition == tag || HTTPDate(condition).map { $0 == modified } ?? false
    }
}
