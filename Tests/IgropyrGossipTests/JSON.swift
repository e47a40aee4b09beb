/// Any JSON value, as the vectors hold them.
indirect enum JSON: Decodable, Equatable {
    case null
    case bool(Bool)
    case unsigned(UInt64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    subscript(key: String) -> JSON {
        guard case .object(let object) = self else { return .null }
        return object[key] ?? .null
    }

    var elements: [JSON] { if case .array(let list) = self { list } else { [] } }
    var members: [String: JSON] { if case .object(let object) = self { object } else { [:] } }
    var text: String { if case .string(let text) = self { text } else { "" } }
    var isNull: Bool { self == .null }
    var isTrue: Bool { self == .bool(true) }

    /// 0 where there is none.
    func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
        if case .unsigned(let value) = self { Number(value) } else { 0 }
    }

    /// A byte string, written as text or as `{"hex": …}`; nil for null.
    var bytes: [UInt8]? {
        switch self {
        case .string(let text): Array(text.utf8)
        case .object(let object): [UInt8](hex: object["hex"]?.text ?? "")
        case .null, .bool, .unsigned, .double, .array: nil
        }
    }
}

extension [UInt8] {
    init(hex: String) {
        let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
