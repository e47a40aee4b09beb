public import IgropyrCoding
public import IgropyrHTTP
public import IgropyrUV

/// How the files of a folder are served. The defaults suit a public site.
public struct FileServing: Sendable {
    /// What stands for a folder whose path ends with a slash: the first of these names that is there.
    public var indexNames = ["index.html"]
    /// How a folder without an index is shown; nil for not at all, which is 404.
    public var listing: FolderListing?
    /// The file that answers where nothing is: its path from the folder, such as `/index.html` for an application of a
    /// single page. Nil for 404.
    public var fallback: String?
    /// Links that lead out of the folder are never followed.
    public var symlinks = Folder.Symlinks.refused
    /// Whether names that begin with a dot are served and listed, too; `.well-known` always is (RFC 8615).
    public var servesDotfiles = false
    /// What `Cache-Control` says.
    public var cacheControl = CachePolicy()
    /// Media types by the ends of names, without the dot and in lower case, before those known otherwise. The empty end
    /// is that of names without a dot.
    public var types: [String: String] = [:]
    /// The media type of what has no other.
    public var defaultType = "application/octet-stream"
    /// Whether browsers are told to believe the media type (`X-Content-Type-Options: nosniff`).
    public var forbidsSniffing = true
    /// Codings of which a file may have a sibling, such as `app.js.br` beside `app.js`, made when the site was built;
    /// between equals the earlier is sent. Looked for beside files whose type is worth compressing.
    public var precompressed: [ContentCoding] = [.brotli, .zstd, .gzip]
    /// Compression of files as they are sent, for lack of a sibling; nil for none. What comes out is kept in the cache.
    public var compression: Compression? = Compression()
    /// Ranges in one request; with more, the whole file is sent.
    public var maximumRanges = 16
    public var cache = FileCacheLimits()

    public init() {}
}

/// How a folder is shown: as a page, or as JSON to a client that prefers it (`Accept: application/json`).
public struct FolderListing: Sendable {
    /// Names that are looked at; of a larger folder the page says that it shows a part. Each takes about 6 µs, on a
    /// thread of libuv's pool.
    public var itemLimit = 1000
    /// Whether names that begin with a dot are listed where they are served; nil for as they are.
    public var showsDotfiles: Bool?
    /// Makes the page that people get, on a thread of libuv's pool; nil for the built-in one.
    public var page: (@Sendable (FolderContents) throws -> String)?

    public init() {}
}

/// What a folder holds, as it is shown.
public struct FolderContents: Sendable {
    public struct Item: Sendable {
        public let name: String
        /// The name as a link relative to the folder, escaped; that of a folder ends with a slash.
        public let link: String
        public let isFolder: Bool
        /// In bytes; nil for a folder.
        public let size: Int?
        /// The size in words, such as `4.8 MB`; empty for a folder.
        public let sizeText: String
        /// In seconds since 1970.
        public let modified: Int64
        /// To the minute, in UTC: `1994-11-06 08:49`.
        public let modifiedText: String
    }

    /// As in the URL but not escaped: it begins with a slash, and ends with none.
    public let path: String
    /// Folders first, by name.
    public let items: [Item]
    /// Whether there is a folder above that is served, too.
    public let hasParent: Bool
    /// False if the folder holds more than is shown.
    public let isComplete: Bool
}

/// What bounds the files kept in memory, for each folder that is served and each loop.
public struct FileCacheLimits: Sendable {
    /// In all; 0 keeps nothing. What was not asked for longest makes room.
    public var bytes = 16 << 20
    public var entries = 1024
    /// Larger files are not kept but sent by the kernel (`sendfile`).
    public var fileBytes = 64 << 10
    /// Descriptors of larger files that stay open for the next request, until ``staleness`` has passed and another file
    /// is opened. A file that is deleted meanwhile takes up its space for as long. 0 opens a file for each request.
    public var descriptors = 32
    /// Results of compression that are larger are not kept.
    public var encodedBytes = 1 << 20
    /// For how long a file that is kept is not looked at again: what changes or goes away is seen this late at most.
    public var staleness = Duration.seconds(1)

    public init() {}
}
