/// How Scheme pages are run: by processes of GNU Guile, each of which answers one request at a time.
public struct SchemeSettings: Sendable, Hashable {
    /// Guile by its whole path, and its first arguments.
    public var interpreter = ["/usr/bin/guile-3.0"]
    /// What the interpreters find in their environment, beside `LC_ALL`; nothing is inherited.
    public var environment: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
    /// Interpreters at once, on all loops together, of which each has one at least; eight times as many requests wait.
    public var processes = 8
    /// How long a page may take; then its interpreter is killed and the client told 504.
    public var timeout = Duration.seconds(30)
    /// Of each interpreter's address space (`RLIMIT_AS`), of which Guile itself takes some 50 MiB.
    public var memoryBytes = 256 << 20
    /// Of one page's output, which is held until the page is complete; a page that writes more has failed.
    public var outputBytes = 8 << 20

    public init() {}
}

/// What marks Scheme in a page.
public struct SchemeTags: Sendable, Hashable {
    /// Opens an expression whose value is written.
    public var short = "<?"
    /// Opens statements, which write what is to be seen themselves.
    public var long = "<?scheme"
    /// Ends both.
    public var close = "?>"

    public init() {}
}
