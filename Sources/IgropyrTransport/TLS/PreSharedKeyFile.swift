internal import Crypto
internal import IgropyrText

/// The file by which a server gets keys that change while it runs: a line for each, `NAME SECRET` in 16 and 64
/// hexadecimal digits. Clients show the first; all are taken.
public enum PreSharedKeyFile {
    /// More than a cluster has while its keys change.
    static let limit = 64

    public static func bytes(_ keys: [PreSharedKey]) -> [UInt8] {
        keys.flatMap { Array("\($0.name) \(Hexadecimal.text($0.secret.bytes))\n".utf8) }
    }

    /// Reads a file; blocks meanwhile.
    /// - Throws: `.unusableFile`, which names the file and the line, never a secret.
    public static func keys(at path: String) throws(TLSError) -> [PreSharedKey] {
        let file = try PEMFile(path, role: "file of keys")
        let lines = file.bytes.split(separator: UInt8(ascii: "\n"))
        guard 1...limit ~= lines.count else {
            throw TLSError(.unusableFile, "the file of keys \(path) has \(lines.count) lines, not 1 to \(limit)")
        }
        var keys: [PreSharedKey] = []
        for (number, line) in lines.enumerated() {
            guard let key = PreSharedKey(line: line) else {
                throw TLSError(
                    .unusableFile,
                    "line \(number + 1) of the file of keys \(path) is not NAME SECRET in 16 and 64 hexadecimal digits")
            }
            keys.append(key)
        }
        return keys
    }
}

extension PreSharedKey {
    fileprivate init?(line: ArraySlice<UInt8>) {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 16, parts[1].count == 64, Hexadecimal.bytes(parts[0]) != nil,
            let secret = Hexadecimal.bytes(parts[1])
        else { return nil }
        self.init(name: String(decoding: parts[0], as: UTF8.self), secret: SymmetricKey(data: secret))
    }
}
