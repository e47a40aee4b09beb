extension Substring {
    /// As `lowercased()`, which takes its time where nothing changes: for what most of the time is in lower case.
    var inLowerCase: String {
        let bytes = utf8.span
        for index in bytes.indices where bytes[index] >= 0x80 || (0x41...0x5A).contains(bytes[index]) {
            return lowercased()
        }
        return String(self)
    }
}
