internal import FoundationEssentials
internal import IgropyrText
internal import IgropyrUV

/// A program that was written for Igropyr's first edition.
package struct SchemeProgram: Sendable {
    /// Its whole path.
    package let file: String
    /// Whether there are static files, which it does not answer for.
    package let servesFiles: Bool
}

extension Site {
    /// A site that is a program for Igropyr's first edition, with the settings that this makes: `connection`,
    /// `keepalive`, `staticpath`, and where to listen.
    ///
    /// - Throws: ``SiteMistake``: Guile is not there, or the program calls no `(server …)`, or has failed before.
    public init(program file: String, scheme: SchemeSettings = SchemeSettings()) async throws {
        let file = URL(filePath: file).standardizedFileURL.path
        let settings = try await ProgramSettings(asking: file, scheme)
        let folder = settings.text("staticpath") ?? ""
        self.init(root: folder.isEmpty ? file.pathNames.dropLast().joined(separator: "/") : folder)
        program = SchemeProgram(file: file, servesFiles: !folder.isEmpty)
        self.scheme = scheme
        (address, port) = (settings.address, UInt16(try settings.number("port", in: 0...65_535) ?? 80))
        let limits = 1...1_000_000
        connections =
            try settings.number("connection", in: limits) ?? settings.number("connections", in: limits) ?? 1024
        // Milliseconds; without rest no second request finds the connection open.
        idleTimeout = .milliseconds(max(1, try settings.number("keepalive", in: 0...86_400_000) ?? 5000))
    }
}

/// What a program has set, by the names of the first edition's manual.
private struct ProgramSettings: Sendable {
    private static let limitBytes = 64 << 10
    private static let startTime = Duration.seconds(30)

    private let file: String
    private let values: [String: String]

    init(asking file: String, _ scheme: SchemeSettings) async throws {
        self.file = file
        let thread = try EventLoopThread(name: "scheme")
        let loop = thread.loop
        let answer = await Task(executorPreference: loop) { try await Self.ask(file, scheme, on: loop) }.result
        try? await thread.stop()
        let text = String(decoding: try answer.get(), as: UTF8.self)
        guard !text.hasPrefix("!") else { throw SiteMistake(description: String(text.dropFirst())) }
        let pairs = text.split(separator: "\n").map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        }
        values = Dictionary(pairs.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) }) { first, _ in first }
    }

    private static func ask(_ file: String, _ scheme: SchemeSettings, on loop: EventLoop) async throws -> [UInt8] {
        do {
            let interpreter = try Interpreter(on: loop, scheme) { _ in }
            let timer = try Timer(on: loop)
            defer {
                timer.close()
                interpreter.errors.close()
                interpreter.close()
            }
            try timer.start(after: startTime) { interpreter.end() }
            try await interpreter.stream.write(SchemeRuntime.source(asking: file))
            var answer: [UInt8] = []
            while answer.count < limitBytes, let bytes = try await interpreter.stream.read() { answer += bytes }
            return answer
        } catch let error as UVError {
            let reason = "\(scheme.interpreter[0]) does not run \(file): \(error.reason)"
            throw SiteMistake(description: reason + "; Debian's package guile-3.0 brings an interpreter")
        }
    }

    func text(_ name: String) -> String? { values[name] }

    /// An empty one is every address.
    var address: String { values["ip"].flatMap { $0.isEmpty ? nil : $0 } ?? "0.0.0.0" }

    func number(_ name: String, in range: ClosedRange<Int>) throws(SiteMistake) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let expected = "expected a number from \(range.lowerBound) to \(range.upperBound)"
            throw SiteMistake(description: "\(file): \(name): found \(text), \(expected)")
        }
        return number
    }
}
