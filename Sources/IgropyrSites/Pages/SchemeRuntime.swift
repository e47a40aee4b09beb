/// The program that Guile is to be for Scheme pages: the files in `Scheme`, which are part of this program's own.
enum SchemeRuntime {
    /// What Guile is started with: it reads all else from the socket that is its descriptor 3.
    static let arguments = [
        "--no-auto-compile", "-c",
        """
        (define connection (fdopen 3 "r+"))
        (setvbuf connection 'block 65536)
        (define run primitive-eval)
        (let next () (run (read connection)) (next))
        """,
    ]

    /// Modules in the order in which they need each other, and the call that makes it serve; behind that, not even a
    /// line's end may stand, which would pass for the beginning of a request.
    static func source(serving settings: SchemeSettings, isDevelopment: Bool) -> [UInt8] {
        let seconds = settings.timeout.components.seconds + 5
        let call = """
            ((@ (igropyr serve) serve) (@@ (guile-user) connection)
             #:memory \(settings.memoryBytes) #:output \(settings.outputBytes) #:seconds \(seconds)
             #:level \(isDevelopment ? 0 : 1))
            """
        return modules + Array(call.utf8)
    }

    /// The same, and the call that has a program tell of its settings.
    static func source(asking program: String) -> [UInt8] {
        let path = program.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return modules + Array(#"((@ (igropyr serve) tell-settings) (@@ (guile-user) connection) "\#(path)")"#.utf8)
    }

    private static let modules: [UInt8] = [
        PackageResources.spiffy_scm, PackageResources.html_scm, PackageResources.failures_scm,
        PackageResources.pages_scm, PackageResources.first_edition_scm, PackageResources.compiled_scm,
        PackageResources.records_scm, PackageResources.serve_scm,
    ].flatMap(\.self)
}
