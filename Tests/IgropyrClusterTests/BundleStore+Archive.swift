import IgropyrBundles

@testable import IgropyrCluster

extension BundleStore {
    /// As if the bundle had come chunk by chunk.
    func take(_ summary: BundleArchive.Summary, from path: String) throws {
        try begin(summary.index)
        var rest = try AtomicFile.read(path, limitBytes: 1 << 30)[...]
        for chunk in summary.index.chunks {
            try write(Array(rest.prefix(chunk.byteCount)), as: chunk.digest)
            rest = rest.dropFirst(chunk.byteCount)
        }
        try complete(summary.digest, durably: true)
    }
}

extension BundleArchive {
    /// Unpacks an archive that lies in a file.
    static func extract(from path: String, to destination: String, limits: Limits = Limits()) throws(BundleError) {
        let bytes = try BundleError.wrapping { () throws(FileError) in try AtomicFile.read(path, limitBytes: 1 << 30) }
        try extract(ArchiveSource(bytes, name: path), to: destination, limits: limits)
    }
}
