internal import HTTPTypes
internal import Igropyr
internal import IgropyrUV
internal import Logging

/// What the client and the log are told of what went wrong.
extension SiteLoop {
    func failure(_ error: any Error, _ inquiry: Inquiry) async throws -> Response {
        if error.tellsOfCancellation { throw error }
        let scope = inquiry.scope ?? inquiry.folders.outermost
        let told = HTTPFailure(telling: error)
        if told == nil, let exception = parts.site.events.exception {
            let path = SitePath(empty: inquiry.request.queryText)
            let call = FileRequest(inquiry, path, file: inquiry.file, pathInfo: [], scope)
            if let response = try await exception(error, call) { return response }
        }
        if let broken = error as? AccessFileBroken {
            inquiry.host.log.error(
                "an access file is broken: nothing it governs is served", metadata: ["reason": "\(broken)"])
        } else if told == nil {
            inquiry.host.log.error(
                "a request failed", metadata: ["path": "\(inquiry.request.path)", "reason": "\(error)"])
        }
        let failure = told ?? HTTPFailure(.internalServerError)
        return statusPage(failure, inquiry, scope) ?? failure.response(for: inquiry.request)
    }

    /// The administrator's own page for the status.
    private func statusPage(_ failure: HTTPFailure, _ inquiry: Inquiry, _ scope: FolderScope) -> Response? {
        guard let path = scope.rules.statusPages[failure.status.code], inquiry.request.loop != nil,
            scope.rules.sendsAsItIs(path),
            var response = try? scope.files.file(String(path.dropFirst()), for: inquiry.request),
            response.status == .ok
        else { return nil }
        response.status = failure.status
        response.fields[.eTag] = nil
        response.fields[.lastModified] = nil
        response.fields[.acceptRanges] = nil
        if let fields = failure.fields { response.fields.append(contentsOf: fields) }
        return response
    }

    /// Says why the kernel hands out nothing at a path, if that is not because nothing is there: for whoever keeps the
    /// site. The client is not told.
    @inline(never)
    func logObstacle(at path: String, _ call: FileRequest) {
        do throws(UVError) {
            _ = try call.folder.open(beneath: path)
        } catch {
            let file: Logger.MetadataValue = "\(call.root)/\(path)"
            switch error.code {
            case UVError.accessDenied, UVError.notPermitted:
                call.log.error(
                    "a file is not served: this process may not read it, or a folder above it",
                    metadata: ["file": file, "reason": "\(error.reason)"])
            case UVError.tooManySymlinks, UVError.leadsElsewhere:
                call.log.error(
                    "a file is not served: a link leads to it, and is not followed as the key symlinks has it",
                    metadata: ["file": file, "reason": "\(error.reason)"])
            default: break
            }
        }
    }
}
