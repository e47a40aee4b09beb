extension String {
    /// What is behind `folder` and a slash; nil for a path that does not stand beneath it. By bytes, as file systems
    /// take paths.
    func path(beneath folder: String) -> String? {
        let start = folder + "/"
        guard utf8.starts(with: start.utf8) else { return nil }
        return String(Substring(utf8.dropFirst(start.utf8.count)))
    }
}
