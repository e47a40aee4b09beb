/// Reads a stream of events as it comes, however it is cut (the HTML standard, §9.2.6). What it does not know is passed
/// over.
struct EventStreamParser {
    /// More than ``limitBytes`` without the end of an event.
    struct EventTooLarge: Error {}

    /// Of an event's data and what has come of a line, together; so neither its type nor its id is longer.
    let limitBytes: Int
    private var line: [UInt8] = []
    private var isFirstLine = true
    private var isBehindCarriageReturn = false
    private var data: [UInt8]?
    private var event: String?
    /// Holds for the events that follow, too.
    private var id: String?
    private var retry: Duration?

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// The next event whose end is there; nil when all bytes are taken. One that the stream breaks off in is none.
    mutating func next(in bytes: inout ArraySlice<UInt8>) throws(EventTooLarge) -> ServerSentEvent? {
        while let first = bytes.first {
            let isRestOfLineEnd = isBehindCarriageReturn && first == UInt8(ascii: "\n")
            isBehindCarriageReturn = false
            if isRestOfLineEnd {
                bytes = bytes.dropFirst()
                continue
            }
            let end = bytes.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            let part = bytes[..<(end ?? bytes.endIndex)]
            guard part.count <= limitBytes - line.count - (data?.count ?? 0) else { throw EventTooLarge() }
            line += part
            bytes = bytes[part.endIndex...]
            guard let mark = bytes.popFirst() else { return nil }
            isBehindCarriageReturn = mark == UInt8(ascii: "\r")
            if let event = endLine() { return event }
        }
        return nil
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        var text = line[...]
        if isFirstLine, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        isFirstLine = false
        guard !text.isEmpty else { return endEvent() }
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        var value = text[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        take(String(decoding: text[..<colon], as: UTF8.self), value)
        return nil
    }

    private mutating func take(_ field: String, _ value: ArraySlice<UInt8>) {
        let text = String(decoding: value, as: UTF8.self)
        switch field {
        case "data":
            // In place: an event may have millions of lines.
            if data == nil { data = [] } else { data?.append(UInt8(ascii: "\n")) }
            data?.append(contentsOf: value)
        case "event": event = text.isEmpty ? nil : text
        case "id" where !value.contains(0): id = text.isEmpty ? nil : text
        case "retry" where (1...9).contains(value.count) && value.allSatisfy({ (0x30...0x39).contains($0) }):
            retry = Int64(text).map { .milliseconds($0) }
        default: break  // A comment's name is empty.
        }
    }

    private mutating func endEvent() -> ServerSentEvent? {
        defer { (data, event) = (nil, nil) }
        guard let data else { return nil }
        defer { retry = nil }
        return ServerSentEvent(String(decoding: data, as: UTF8.self), event: event, id: id, retry: retry)
    }
}
