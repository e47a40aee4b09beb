import Foundation

/// A file in PEM (RFC 7468), of which only blocks count: what stands around them is for people.
struct PEMText {
    private let lines: [Substring]

    init(reading path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("\(path) cannot be opened; is it there, and may this user read it?")
        }
        lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
    }

    /// Those whose label ends so, each with a line end, in the file's order.
    func blocks(of label: String) -> [String] {
        var blocks: [String] = []
        var block: [Substring]?
        for line in lines {
            if line.hasPrefix("-----BEGIN "), line.hasSuffix("\(label)-----") { block = [] }
            block?.append(line)
            guard line.hasPrefix("-----END "), let whole = block else { continue }
            blocks.append(whole.joined(separator: "\n") + "\n")
            block = nil
        }
        return blocks
    }
}
