import Foundation

/// The rows of tables in a Markdown file of the project.
public enum DocumentTable {
    /// Of all tables of the file whose first column is headed `first`; cells by the heads of their columns.
    public static func rows(of file: String, headed first: String) throws -> [[String: String]] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let path = tests.deletingLastPathComponent().appendingPathComponent(file)
        var columns: [String] = []
        return try String(contentsOf: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            .compactMap { line in
                guard line.hasPrefix("| ") else {
                    if !line.hasPrefix("|") { columns = [] }
                    return nil
                }
                let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: .whitespaces) }
                guard !columns.isEmpty else {
                    columns = cells
                    return nil
                }
                return columns[0] == first ? Dictionary(uniqueKeysWithValues: zip(columns, cells)) : nil
            }
    }
}
