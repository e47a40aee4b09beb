internal import IgropyrOrchestration
internal import IgropyrText

/// One entry of an archive, as a plan to write it or as read from it.
struct BundleEntry: Hashable {
    enum Content: Hashable {
        /// `source` is where the bytes stand on the disk; nil for an entry that was read from an archive.
        case file(byteCount: Int64, isExecutable: Bool, source: String?)
        case folder
        case link(target: String)
        /// A second name of a file that stands earlier in the archive.
        case hardLink(target: String)
        /// A device, fifo or socket.
        case other
    }

    /// Relative to the bundle, components parted by single slashes, once it is planned or admitted.
    var path: String
    var content: Content
}

extension BundleEntry {
    var isProgram: Bool {
        guard case .file(_, isExecutable: true, _) = content else { return false }
        return true
    }

    /// Whether a symbolic link stays inside: relative, `..` at its start only and not above the root.
    ///
    /// With `..` further in, a link could climb through another link to where the text does not show. Without, each
    /// step leads from a real folder of the bundle downwards, or through a link that itself stays inside.
    static func staysInside(link path: String, target: String) -> Bool {
        guard !target.isEmpty, target.utf8.first != UInt8(ascii: "/"), target.isPlain else { return false }
        let components = target.pathNames.filter { !$0.isEmpty && $0 != "." }
        let climbs = components.prefix { $0 == ".." }.count
        let depth = path.pathNames.count { !$0.isEmpty } - 1
        return climbs <= depth && !components.dropFirst(climbs).contains("..")
    }
}
