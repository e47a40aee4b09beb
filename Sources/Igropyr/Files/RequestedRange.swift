internal import HTTPTypes

/// What `Range` asks for (RFC 9110 §14.2): one part in bytes. Several parts, other units and what is no range are
/// answered with the whole.
enum RequestedRange: Equatable {
    case whole
    case part(Range<Int>)
    case unsatisfiable

    init(_ request: Request, validators: FileValidators, size: Int) {
        guard request.method == .get, let field = request.header("Range"), validators.allowsRange(for: request) else {
            self = .whole
            return
        }
        self.init(field, size: size)
    }

    init(_ field: String, size: Int) {
        self = .whole
        guard field.lowercased().hasPrefix("bytes=") else { return }
        let ends = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]) else { return }
        switch (first, last) {
        case (nil, nil): return
        case (nil, let suffix?): self = Self.part(from: max(0, size - suffix), to: suffix == 0 ? 0 : size, of: size)
        case (let first?, nil): self = Self.part(from: first, to: size, of: size)
        case (let first?, let last?):
            guard first <= last else { return }
            self = Self.part(from: first, to: min(last, size - 1) + 1, of: size)
        }
    }

    private static func part(from start: Int, to end: Int, of size: Int) -> Self {
        start < size && start < end ? .part(start..<end) : .unsatisfiable
    }

    /// `.some(nil)` for no digits, nil for anything but digits. More than 18 digits are more than any file has.
    private static func number(_ text: Substring) -> Int?? {
        guard !text.isEmpty else { return .some(nil) }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return .some(text.utf8.count > 18 ? 1 << 60 : Int(text))
    }
}
