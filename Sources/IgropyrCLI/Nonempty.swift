import ArgumentParser

/// The transform of arguments that name something: `--key-file "$UNSET"` is a mistake, and no file could be called so.
func nonempty(_ text: String) throws -> String {
    guard !text.isEmpty else { throw ValidationError("it is empty.") }
    return text
}
