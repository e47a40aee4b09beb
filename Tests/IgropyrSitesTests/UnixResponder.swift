import TestSupport
import Testing

/// Programs in Python that answer at a Unix socket in the place of an application's.
enum UnixResponder {
    /// Before each: its `listener` listens where the first argument says.
    private static let listening = """
        import socket, sys
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[1])
        listener.listen()
        print("listens", flush=True)

        """

    /// Returns once it listens. `arguments` are those from the second on.
    static func run(
        _ script: String, _ arguments: String..., in folder: TemporaryFolder
    ) async throws -> (program: BackgroundCommand, socket: String) {
        let (file, socket) = (try folder.write("responder.py", listening + script), folder.path + "/socket")
        let program = try BackgroundCommand(["python3", file, socket] + arguments)
        try await eventually("it listens") { program.output == "listens\n" }
        return (program, socket)
    }
}
