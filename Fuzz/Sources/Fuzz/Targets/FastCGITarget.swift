@testable import IgropyrSites

/// What a FastCGI responder sends: its records, until it is done or breaks a rule.
enum FastCGITarget: FuzzTarget {
    static let name = "fastcgi"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let steps = input.steps()
        let wire = input.rest
        _ = steps.agree { read(wire, step: $0) }
        checkWriting(wire)
    }

    private struct Outcome: Equatable {
        var output: [UInt8] = []
        var errorOutput: [UInt8] = []
        var ending: FastCGIRecord.Ending?
        var mistake: FastCGIRecord.Mistake?
        var consumed = 0
    }

    /// Each record is taken as soon as it is whole; a mistake shows at the latest then.
    private static func read(_ wire: [UInt8], step: Int) -> Outcome {
        var outcome = Outcome()
        var fed = 0
        repeat {
            fed += min(step, wire.count - fed)
            do throws(FastCGIRecord.Mistake) {
                while outcome.ending == nil, try takeOne(Array(wire[..<fed]), &outcome) {}
            } catch {
                outcome.mistake = error
            }
        } while fed < wire.count && outcome.ending == nil && outcome.mistake == nil
        return outcome
    }

    /// Whether a record was whole.
    private static func takeOne(_ bytes: [UInt8], _ outcome: inout Outcome) throws(FastCGIRecord.Mistake) -> Bool {
        let start = outcome.consumed
        let event = try FastCGIRecord.next(in: bytes, from: start)
        let size: Int
        switch event {
        case .needMore: return false
        case .nothing(let consumed): size = consumed
        case .output(let range, let consumed):
            require(!range.isEmpty && range.lowerBound == start + FastCGIRecord.headerBytes)
            require(range.upperBound <= start + consumed)
            outcome.output += bytes[range]
            size = consumed
        case .errorOutput(let range, let consumed):
            require(!range.isEmpty && range.lowerBound == start + FastCGIRecord.headerBytes)
            require(range.upperBound <= start + consumed)
            outcome.errorOutput += bytes[range]
            size = consumed
        case .end(let ending, let consumed):
            outcome.ending = ending
            size = consumed
        }
        require(size >= FastCGIRecord.headerBytes && start + size <= bytes.count, "more was consumed than there was")
        outcome.consumed += size
        return true
    }

    /// What goes to a responder, read by the specification's rules (FastCGI 1.0 §3.3, §3.4), is what was to be said.
    private static func checkWriting(_ body: [UInt8]) {
        require(records(in: FastCGIRecord.input(body)).allSatisfy { $0.kind == 5 && !$0.content.isEmpty })
        require(records(in: FastCGIRecord.input(body)).flatMap(\.content) == body)
        let text = String(decoding: body, as: UTF8.self)
        let middle = text.unicodeScalars.index(text.startIndex, offsetBy: text.unicodeScalars.count / 2)
        let (name, value) = (text.unicodeScalars[..<middle], text.unicodeScalars[middle...])
        let variables = [(name: "A\(String(name))", value: text), (name: "B", value: String(value))]
        let opening = records(
            in: FastCGIRecord.opening(MetaVariables(variables), hasInput: true, keepsConnection: body.count & 1 == 1))
        require(opening.first?.kind == 1 && opening.first?.content == [0, 1, UInt8(body.count & 1), 0, 0, 0, 0, 0])
        require(opening.dropFirst().allSatisfy { $0.kind == 4 } && opening.last?.content.isEmpty == true)
        let read = pairs(in: opening.dropFirst().flatMap(\.content))
        require(read.count == variables.count)
        for (sent, came) in zip(variables, read) {
            require(sent == came, "a variable that was sent is another one")
        }
    }

    private static func records(in wire: [UInt8]) -> [(kind: UInt8, content: [UInt8])] {
        var records: [(kind: UInt8, content: [UInt8])] = []
        var rest = wire[...]
        while rest.count >= 8 {
            let header = Array(rest.prefix(8))
            require(header[0] == 1 && header[2] == 0 && header[3] == 1)
            let count = Int(header[4]) << 8 | Int(header[5])
            rest = rest.dropFirst(8)
            require(rest.count >= count + Int(header[6]), "a record is cut")
            records.append((header[1], Array(rest.prefix(count))))
            rest = rest.dropFirst(count + Int(header[6]))
        }
        require(rest.isEmpty)
        return records
    }

    private static func pairs(in content: [UInt8]) -> [(String, String)] {
        var rest = content[...]
        func length() -> Int {
            let first = rest.popFirst() ?? 0
            guard first & 0x80 != 0 else { return Int(first) }
            return (0..<3).reduce(Int(first & 0x7F)) { value, _ in value << 8 | Int(rest.popFirst() ?? 0) }
        }
        var pairs: [(String, String)] = []
        while !rest.isEmpty {
            let (name, value) = (length(), length())
            require(rest.count >= name + value, "a variable is cut")
            pairs.append(
                (
                    String(decoding: rest.prefix(name), as: UTF8.self),
                    String(decoding: rest.dropFirst(name).prefix(value), as: UTF8.self)
                ))
            rest = rest.dropFirst(name + value)
        }
        return pairs
    }
}
