/// Arrays of one dimension as PostgreSQL writes them: `{1,NULL,"a, \"b\""}`.
package enum SQLArrayText {
    /// Nil in the place of NULL; nil altogether if it is none of these.
    package static func elements(of text: ArraySlice<UInt8>) -> [[UInt8]?]? {
        var rest = text
        if rest.first == UInt8(ascii: "[") {  // `[0:1]={…}`: where the numbers of its places begin.
            guard let end = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            rest = rest[(end + 1)...]
        }
        guard rest.popFirst() == UInt8(ascii: "{"), rest.popLast() == UInt8(ascii: "}") else { return nil }
        var elements: [[UInt8]?] = []
        guard !rest.isEmpty else { return elements }
        while true {
            guard let element = takeElement(of: &rest) else { return nil }
            elements.append(element)
            guard let comma = rest.popFirst() else { return elements }
            guard comma == UInt8(ascii: ",") else { return nil }
        }
    }

    private static func takeElement(of rest: inout ArraySlice<UInt8>) -> [UInt8]?? {
        guard rest.first == UInt8(ascii: "\"") else {
            let plain = rest.prefix { $0 != UInt8(ascii: ",") }
            guard !plain.isEmpty, !plain.contains(where: { "{}\"".utf8.contains($0) }) else { return nil }
            rest = rest[plain.endIndex...]
            return .some(plain.elementsEqual("NULL".utf8) ? nil : Array(plain))
        }
        rest.removeFirst()
        var element: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return .some(element)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                element.append(escaped)
            default: element.append(byte)
            }
        }
        return nil
    }

    /// An element that stands for itself whatever is in it.
    package static func quoted(_ text: String) -> String {
        var quoted: [UInt8] = [UInt8(ascii: "\"")]
        quoted.reserveCapacity(text.utf8.count + 2)
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(byte)
        }
        quoted.append(UInt8(ascii: "\""))
        return String(decoding: quoted, as: UTF8.self)
    }
}
