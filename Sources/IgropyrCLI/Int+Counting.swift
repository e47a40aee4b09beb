extension Int {
    /// `1 worker`, `2 workers`: for words that take an s.
    func counting(_ word: String) -> String { "\(self) \(word)\(self == 1 ? "" : "s")" }
}
