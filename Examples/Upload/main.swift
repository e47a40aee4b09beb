// Takes files from a browser, piece by piece as they arrive, and serves them again. Files go to the folder that the
// first argument names, else to a temporary one.

import Foundation
import Igropyr

let folder = URL(
    fileURLWithPath: CommandLine.arguments.dropFirst().first ?? "\(NSTemporaryDirectory())/igropyr-uploads")

let page = HTML(
    """
    <!doctype html>
    <html lang="en"><meta charset="utf-8"><title>Upload</title>
    <form action="/files" method="post" enctype="multipart/form-data">
    <input type="file" name="file" multiple> <button>Upload</button>
    </form></html>

    """)

struct Upload: ResponseEncodable, Sendable {
    var name: String
    var bytes: Int
    var location: String
}

let app = App()

do {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)

    app.use(SecurityHeaders())
    app.get("/") { _ in page }
    app.files("/files", from: folder.path)

    app.post("/files", bodyLimit: 1 << 30, timeout: .seconds(3600)) { request async throws in
        var uploads: [Upload] = []
        for try await part in try request.multipart() where part.fileName?.isEmpty == false {
            let file = try StoredFile(in: folder)
            var count = 0
            for try await piece in part.body {
                count += piece.count
                try await file.append(piece)
            }
            try file.close()
            uploads.append(Upload(name: part.fileName ?? "", bytes: count, location: "/files/\(file.name)"))
        }
        return uploads
    }

    try await app.run()
} catch {
    app.logger.critical("\(error)")
    exit(1)
}
