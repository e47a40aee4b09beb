internal import IgropyrText

/// The folder that relative paths of a file are taken from.
struct SiteFolder: Sendable {
    let path: String

    /// Empty for the working folder.
    init(_ path: String) { self.path = path }

    init(ofFile file: String) {
        path = (file.pathNames.dropLast() + [""]).joined(separator: "/")
    }

    func resolve(_ file: String) -> String {
        guard !file.hasPrefix("/") else { return file }
        return path + (file.hasPrefix("./") ? file.dropFirst(2) : file[...])
    }
}
