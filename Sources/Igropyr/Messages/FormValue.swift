/// What a form with files (`multipart/form-data`) has under a name, once or several times.
public enum FormValue: Sendable, Hashable {
    case text(String)
    case file(FormFile)

    var text: String? { if case .text(let text) = self { text } else { nil } }

    /// What browsers send for a field that was left empty.
    var isEmpty: Bool { text?.isEmpty ?? false }
}

extension FormValue: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self = .text(text) }
}
