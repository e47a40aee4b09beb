public import IgropyrBundles
public import IgropyrOrchestration

/// Makes and unpacks bundles: an application's files in one deterministic archive, named by the SHA-256 of its index.
///
/// The archive is an uncompressed GNU tar: entries sorted by the bytes of their paths, times and owners zero, modes
/// 0755 or 0644, no extended attributes; so the same files give the same bytes on every machine. GNU's format rather
/// than pax, because libarchive writes names beyond ASCII into pax headers as the process's locale sees them.
///
/// All calls block; run them on the thread pool.
public enum BundleArchive {
    public struct Limits: Sendable {
        /// Sum of the files' lengths.
        public var totalBytes: Int64 = 2 << 30
        /// Files, folders and links together.
        public var entries = 100_000
        /// Length of one path, and of what a link says.
        public var pathBytes = 1024
        /// Of names in a path.
        public var depth = 64

        public init() {}
    }

    public struct Progress: Sendable {
        public var doneBytes: Int64
        public var totalBytes: Int64
    }

    public struct Summary: Hashable, Sendable {
        public var index: BundleIndex
        /// A folder is a site, unless a program of it was named; a file is a program, its name the entry.
        public var kind: DeploymentSpec.Kind
        public var entries: Int

        public var digest: BundleDigest { index.digest }
        public var archiveBytes: Int64 { index.byteCount }
    }

    /// Archives a folder, or a single executable file, at `source`. The archive appears at `destination` whole or not
    /// at all, and replaces what is there.
    ///
    /// `program` makes a folder more than a site: the path in it of what is to be started. Builds for several machines
    /// stand in folders beside that path, called like the machines (`bin/x86_64/Hello`, `bin/aarch64/Hello` for
    /// `bin/Hello`).
    static func create(
        from source: String, to destination: String, program: String? = nil, limits: Limits = Limits(),
        progress: (Progress) -> Void = { _ in }
    ) throws(BundleError) -> Summary {
        let plan = try BundlePlan(of: source, program: program, limits: limits)
        let index = try FileSystem.replace(destination) { aside throws(BundleError) in
            try write(plan, to: aside, progress)
        }
        return Summary(index: index, kind: plan.kind, entries: plan.entries.count)
    }

    /// Unpacks an archive into `destination`, which appears whole or not at all and must not exist yet.
    ///
    /// Refuses what could reach outside: absolute paths, `..`, links that lead or may lead out, devices, a path given
    /// twice; and what swells: no archive unpacks to more bytes than it has. Files come out with mode 0644 or 0755,
    /// folders with 0755.
    static func extract(
        _ archive: ArchiveSource, to destination: String, limits: Limits = Limits()
    ) throws(BundleError) {
        try FileSystem.replace(destination) { aside throws(BundleError) in
            let root = try BundleError.wrapping { () throws(FileError) in
                try FileSystem.createFolder(aside, permissions: 0o755)
                return try FileSystem.resolved(aside)
            }
            try unpack(archive, into: root, limits)
        }
    }

    private static func write(
        _ plan: BundlePlan, to path: String, _ progress: (Progress) -> Void
    ) throws(BundleError) -> BundleIndex {
        let writer = try ArchiveWriter(to: path)
        var state = Progress(doneBytes: 0, totalBytes: plan.totalBytes)
        for entry in plan.entries {
            try writer.append(entry) { count in
                state.doneBytes += Int64(count)
                progress(state)
            }
        }
        return try writer.finish(machines: plan.machines)
    }

    private static func unpack(_ archive: ArchiveSource, into root: String, _ limits: Limits) throws(BundleError) {
        var limits = limits
        limits.totalBytes = min(limits.totalBytes, archive.byteCount)
        let reader = try ArchiveReader(of: archive)
        let writer = try ArchiveExtractor(into: root)
        var rules = BundleRules(limits: limits, archive: archive.name)
        while let entry = try reader.nextEntry() {
            guard let entry = try rules.admitted(entry) else { continue }
            try writer.write(entry, from: reader)
        }
        try writer.finish()
        try reader.finish()
    }
}
