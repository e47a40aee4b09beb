import Foundation
@testable import IgropyrInsight
import IgropyrText

/// What clients and programs say, as it stands in logs and on terminals.
enum LogTarget: FuzzTarget {
    static let name = "log"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let steps = input.steps()
        let said = input.rest
        checkQuoted(said)
        checkJSON(said)
        if let shown = steps.agree(on: { show(said, step: $0) }) { checkTerminal(shown) }
    }

    /// Between quotation marks nothing is lost.
    private static func checkQuoted(_ said: [UInt8]) {
        var line: [UInt8] = []
        line.append(escaped: said.span, as: .quoted)
        checkHarmless(line)
        require(unquoted(line) == said, "what was said cannot be told from the line")
    }

    /// Nil if a quotation mark ends the field.
    private static func unquoted(_ line: [UInt8]) -> [UInt8]? {
        var said: [UInt8] = []
        var rest = line[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                guard byte != UInt8(ascii: "\"") else { return nil }
                said.append(byte)
                continue
            }
            guard let escaped = rest.popFirst() else { return nil }
            guard escaped == UInt8(ascii: "x") else {
                said.append(escaped)
                continue
            }
            guard let byte = Hexadecimal.bytes(rest.prefix(2)), byte.count == 1 else { return nil }
            said += byte
            rest = rest.dropFirst(2)
        }
        return said
    }

    private static func checkJSON(_ said: [UInt8]) {
        var line: [UInt8] = []
        line.append(escaped: said.span, as: .json)
        checkHarmless(line)
        do {
            let read = try JSONDecoder().decode(String.self, from: Data("\"".utf8) + line + Data("\"".utf8))
            require(read.utf8.elementsEqual(String(decoding: said, as: UTF8.self).utf8), "JSON says something else")
        } catch { fatalError("a line is no JSON: \(error)") }
    }

    private static func checkHarmless(_ line: [UInt8]) {
        guard let text = String(validating: line, as: UTF8.self) else { fatalError("a line is not UTF-8") }
        require(!text.unicodeScalars.contains { $0.isControl }, "a line has a control character")
    }

    private static func show(_ said: [UInt8], step: Int) -> [UInt8] {
        var (terminal, shown, fed) = (TerminalText(), "", 0)
        while fed < said.count {
            let end = fed + min(step, said.count - fed)
            shown += terminal.take(said[fed..<end])
            fed = end
        }
        return Array((shown + terminal.finish()).utf8)
    }

    /// Of control characters there are line ends, tabs and colours.
    private static func checkTerminal(_ shown: [UInt8]) {
        var rest = String(decoding: shown, as: UTF8.self).unicodeScalars[...]
        while let next = rest.popFirst() {
            guard next.isControl, next != "\n", next != "\t" else { continue }
            require(next == "\u{1B}" && rest.popFirst() == "[", "a terminal is told to do something")
            while let parameter = rest.first, "0123456789:;".unicodeScalars.contains(parameter) { rest.removeFirst() }
            require(rest.popFirst() == "m", "a terminal is told to do something else than to colour")
        }
    }
}
