internal import Igropyr
internal import IgropyrUV
internal import Logging

/// The templates of one loop, each kept as long as all the files that it is made of stay the same.
final class MustachePages {
    /// More are not kept; then all are read anew.
    private static let limitPages = 256

    private struct Key: Hashable {
        let folder: ObjectIdentifier
        let file: String
    }

    private var kept: [Key: MustachePage] = [:]

    /// - Throws: What is wrong with one of its files.
    func page(_ file: String, in folder: Folder) throws -> MustachePage {
        let key = Key(folder: ObjectIdentifier(folder), file: file)
        if let page = kept[key], page.isCurrent(in: folder) { return page }
        kept[key] = nil
        let page = try MustachePage(file, in: folder)
        guard page.isSettled else { return page }
        if kept.count >= Self.limitPages { kept = [:] }
        kept[key] = page
        return page
    }
}

extension SiteLoop {
    /// Fills a template.
    func showTemplate(_ call: FileRequest) async throws -> Response {
        if let response = try answerMethod(call, takesForms: true) { return response }
        let values = try await MustacheData.request(call)
        do {
            let page = try templates.page(call.file, in: call.folder)
            return Response(text: page.render(values), contentType: "text/html; charset=utf-8")
        } catch {
            call.log.error("a template is broken", metadata: ["file": "\(call.file)", "reason": "\(error)"])
            guard showsErrors else { throw HTTPFailure(.internalServerError) }
            throw HTTPFailure(.internalServerError, "\(error)")
        }
    }
}
