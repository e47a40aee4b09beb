extension String {
    /// What an error tells of the statement that it is about: 400 characters, its first or those around the place that
    /// the server names, on one line. The values of parameters are no part of a statement.
    ///
    /// `position` is the place's character, from 1.
    package func excerpt(around position: Int? = nil) -> String {
        let limit = 400
        // Looked at once, and no further than is needed: a statement may have megabytes.
        let start = max(0, (position ?? 0) - limit / 2)
        let window = unicodeScalars.dropFirst(start).prefix(limit + 1)
        var text = start > 0 ? "…" : ""
        var isSpace = false
        for scalar in window.prefix(limit) {
            let isBlank = scalar.properties.isWhitespace || scalar.value < 0x20
            if !isBlank { text.unicodeScalars.append(scalar) } else if !isSpace { text += " " }
            isSpace = isBlank
        }
        return window.count > limit ? text + "…" : text
    }
}
