extension String {
    /// What stands between its slashes, empty names included: by bytes, since a slash may be one character with what
    /// stands before it or behind.
    package var pathNames: [String] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
    }
}
