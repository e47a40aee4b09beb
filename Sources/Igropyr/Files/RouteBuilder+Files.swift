internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrText

extension RouteBuilder {
    /// Answers GET and HEAD under `pattern` with the files of a folder.
    ///
    /// ```swift
    /// app.files("/", from: "public")
    ///
    /// var serving = FileServing()
    /// serving.cacheControl = ["assets/**": "public, max-age=31536000, immutable"]
    /// serving.listing = FolderListing()
    /// app.files("/downloads", from: "/srv/downloads", serving)
    /// ```
    ///
    /// Regular files only; nothing that a name, a link or an escape could reach outside of the folder. A path that ends
    /// with a slash is a folder's index, or its listing; one without that is a folder is redirected to the slash.
    /// Conditions (RFC 9110 §13), ranges (§14) and codings (§12.5.3) are answered. Routes that say more come first, so
    /// that files and handlers can share a prefix. Where nothing is, ``FileServing/fallback`` answers, as single-page
    /// applications want it. With no descriptor left the answer is 503; a file that shrinks while it is sent cuts its
    /// connection.
    ///
    /// Small files are kept in memory and looked at again once a second (``FileCacheLimits/staleness``). Others are
    /// opened on the loop: with the file in the kernel's cache it takes 3 µs, the way to another thread and back 10
    /// to 40. A slow disk makes the loop wait.
    public func files(_ pattern: String, from path: String, _ serving: FileServing = FileServing()) {
        do {
            let files = try StaticFiles(path, serving)
            var route = Route(HTTPMethod.get, .immediate { request in try files.response(to: request) })
            if serving.listing != nil {
                route.folderAction = .task { request in try await files.response(listingFor: request) }
            }
            route.choosesCoding = true
            add(route, at: pattern.hasSuffix("/") ? pattern + "**" : pattern + "/**")
        } catch {
            noteMistake(error)
        }
    }
}

/// A folder of files that cannot be served.
package struct FolderUnusable: Error, CustomStringConvertible {
    let path: String
    let reason: String
    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { "cannot serve files from \(path): \(reason)" }
}

/// A setting of ``FileServing`` that means nothing.
package struct FileServingMistake: Error, CustomStringConvertible {
    package let setting: String
    package let value: String
    package let reason: String
    package var description: String { "FileServing.\(setting) is \"\(value)\": \(reason)" }
}

extension FileServing {
    package func check() throws(FileServingMistake) {
        for name in indexNames where name.isEmpty || name.contains("/") {
            throw FileServingMistake(
                setting: "indexNames", value: name, reason: "give the name of a file, without a folder")
        }
        if let fallback {
            let names = fallback.pathNames.dropFirst()
            guard fallback.hasPrefix("/"), names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
                throw FileServingMistake(
                    setting: "fallback", value: fallback,
                    reason: "give a file's path from the folder, such as /index.html")
            }
        }
        for value in cacheControl.values where !HTTPField.isValidValue(value) {
            throw FileServingMistake(setting: "cacheControl", value: value, reason: "it cannot stand in a field")
        }
        for value in types.values + [defaultType] where !HTTPField.isValidValue(value) || !value.contains("/") {
            throw FileServingMistake(setting: "types", value: value, reason: "it is no media type")
        }
    }
}
