internal import IgropyrHTTP

extension RawSpan {
    /// As text in lower case: by `lowercased()`, which takes its time, only where something changes, as most of the
    /// time nothing does.
    var lowerCaseText: String {
        let text = string(in: 0..<byteCount)
        let bytes = text.utf8.span
        let isPlain = bytes.indices.allSatisfy { bytes[$0] < 0x80 && !(0x41...0x5A).contains(bytes[$0]) }
        return isPlain ? text : text.lowercased()
    }
}
