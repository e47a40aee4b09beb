import IgropyrText

extension String {
    /// What others have made up, for people's eyes: control characters, which a terminal would obey (CVE-2021-25743),
    /// become blanks.
    var plain: String { String(String.UnicodeScalarView(unicodeScalars.map { $0.isControl ? " " : $0 })) }
}
