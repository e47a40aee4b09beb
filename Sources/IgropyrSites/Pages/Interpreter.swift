internal import Igropyr
internal import IgropyrUV

/// A process of the interpreter, and the socket by which it is asked; stays on its loop.
final class Interpreter {
    /// What it says once it can be asked.
    private static let greeting = [UInt8(ascii: "+")]

    let stream: PulledStream
    /// What it writes to its standard output and error, other than by pages' ports.
    let errors: PulledStream
    private let process: ChildProcess

    /// Starts it. ``becomeReady(_:)`` is to follow.
    init(
        on loop: EventLoop, _ settings: SchemeSettings, onExit: @escaping (ChildProcess.Termination) -> Void
    ) throws(UVError) {
        let socket = try PulledStream.socketPair()
        defer { Descriptor.close(socket.childs) }
        stream = try PulledStream(on: loop, owning: socket.ours)
        do throws(UVError) {
            let pipe = try PulledStream.pipe(childReads: false)
            defer { Descriptor.close(pipe.childs) }
            errors = try PulledStream(on: loop, owning: pipe.ours)
            let command = Self.command(settings, socket: socket.childs, errors: pipe.childs)
            do throws(UVError) {
                process = try ChildProcess(on: loop, command, onExit: onExit)
            } catch {
                errors.close()
                throw error
            }
        } catch {
            stream.close()
            throw error
        }
    }

    private static func command(
        _ settings: SchemeSettings, socket: Int32, errors: Int32
    ) -> ChildProcess.Command {
        // Names of files are in UTF-8, whatever the server's own locale.
        let environment = settings.environment.merging(["LC_ALL": "C.UTF-8"]) { own, _ in own }
        return ChildProcess.Command(
            executable: settings.interpreter[0],
            arguments: settings.interpreter.dropFirst() + SchemeRuntime.arguments, environment: environment,
            descriptors: [nil, errors, errors, socket], hasOwnSession: true)
    }

    var pid: Int32 { process.pid }
    var isRunning: Bool { process.isRunning }

    /// Gives it its program, and waits until that has begun.
    /// - Throws: ``NotReady``; what broke the socket, `UV_ECANCELED` after ``end()``.
    func becomeReady(_ source: [UInt8]) async throws {
        try await stream.write(source)
        guard try await stream.read() == Self.greeting else { throw NotReady() }
    }

    struct NotReady: Error, CustomStringConvertible {
        let description = "it ended, or is no GNU Guile 3: this log has what it wrote"
    }

    /// Idempotent. Kills it and all that it has started.
    func end() {
        stream.close()
        process.signalGroup(9 /* SIGKILL */)
    }

    /// Nobody will hear of its end.
    func close() {
        end()
        process.close()
    }
}
