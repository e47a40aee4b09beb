extension StringProtocol {
    /// Without the spaces and tabs at both ends: by scalars, since as a character a space is another one with a mark
    /// behind it.
    package var trimmedOfSpaces: SubSequence {
        let isSpace: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
        let scalars = unicodeScalars
        guard let start = scalars.firstIndex(where: { !isSpace($0) }),
            let end = scalars.lastIndex(where: { !isSpace($0) })
        else { return self[startIndex..<startIndex] }
        return self[start..<scalars.index(after: end)]
    }
}
