import IgropyrText
import IgropyrUV

/// Where the bytes go that a command prints elsewhere: as they are, or, to a terminal, harmless.
struct CommandOutput: Sendable {
    private let descriptor: Int32
    private let terminal: Locked<TerminalText>?

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        terminal = Terminal.isTerminal(descriptor) ? Locked(TerminalText()) : nil
    }

    /// False once that fails.
    func write(_ bytes: some Sequence<UInt8>) -> Bool {
        guard let terminal else { return Terminal.write(bytes, to: descriptor) }
        return Terminal.write(terminal.withLock { $0.take(bytes) }.utf8, to: descriptor)
    }

    /// Writes what the last bytes have begun.
    func finish() {
        if let terminal { Terminal.write(terminal.withLock { $0.finish() }.utf8, to: descriptor) }
    }
}
