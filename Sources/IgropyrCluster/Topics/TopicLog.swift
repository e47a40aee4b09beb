internal import IgropyrText

/// What an application's workers said last, as far as this host has heard it. All who listen read from it, each at its
/// own pace, so that a slow one costs no more than a quick one; and who comes again goes on where it was. What has gone
/// before it was read is a gap to its reader.
struct TopicLog: Codable, Sendable {
    /// Lines that are kept, and their bytes, with the names of those who said them.
    static let lineLimit = 1024
    static let byteLimit = 1 << 20
    /// Of an ``TopicLine/id``, whosever it is.
    static let idBytes = 64
    /// Of what is read at once; the last line of it may be longer.
    private static let chunkBytes = 64 << 10

    enum Origin: Codable, Hashable, Sendable {
        /// A worker of this host; with the name that it gives itself, if it has one.
        case here(sender: String?)
        case elsewhere
    }

    /// Who reads, and how far it is.
    struct Reader: Sendable {
        enum Kind: Hashable, Sendable {
            /// It does not hear what is said under its own name.
            case worker(name: String?)
            /// Another node, whose workers hear what is said elsewhere by themselves.
            case node
        }

        let kind: Kind
        fileprivate(set) var position: UInt64
    }

    fileprivate struct Entry: Codable {
        let origin: Origin
        let line: String

        /// Of one that is not kept any more.
        static let gone = Entry(origin: .elsewhere, line: "")
    }

    /// Of no other log.
    private let name: String
    /// From `start` on, those that are kept.
    private var entries: [Entry] = []
    private var start = 0
    private var byteCount = 0
    /// The number of the last entry; the first had 1.
    private var last: UInt64 = 0
    /// The numbers of the last that were lost.
    private var lostHere: UInt64 = 0
    private var lostElsewhere: UInt64 = 0

    /// `name` is made by chance.
    init(name: String) { self.name = name }

    // MARK: - Writing

    mutating func append(_ message: TopicMessage, from origin: Origin) {
        append(TopicLine(topic: message.topic, text: message.text), origin)
    }

    /// What was said elsewhere may be missing here.
    mutating func appendGap() { append(TopicLine(gap: true), .elsewhere) }

    private mutating func append(_ line: TopicLine, _ origin: Origin) {
        last += 1
        var line = line
        line.id = id(of: last)
        let entry = Entry(origin: origin, line: String(decoding: JSON.line(line), as: UTF8.self))
        entries.append(entry)
        byteCount += entry.byteCount
        while entries.count - start > Self.lineLimit || byteCount > Self.byteLimit { removeFirst() }
        guard start >= Self.lineLimit else { return }
        entries.removeFirst(start)
        start = 0
    }

    private mutating func removeFirst() {
        switch entries[start].origin {
        case .here: lostHere = lastLost + 1
        case .elsewhere: lostElsewhere = lastLost + 1
        }
        byteCount -= entries[start].byteCount
        entries[start] = .gone
        start += 1
    }

    // MARK: - Reading

    /// For who wants what comes from now on.
    func reader(_ kind: Reader.Kind) -> Reader { Reader(kind: kind, position: last) }

    /// For who has read lines of a log before this one: all here is new to it.
    func firstReader(_ kind: Reader.Kind) -> Reader { Reader(kind: kind, position: 0) }

    /// For who has read the line of that id; nil if there was none in this log.
    func reader(_ kind: Reader.Kind, after id: String) -> Reader? {
        let digits = id.utf8.dropFirst(name.utf8.count + 1)
        guard id.utf8.starts(with: "\(name)-".utf8), 1...18 ~= digits.count, digits.allSatisfy({ 48...57 ~= $0 })
        else { return nil }
        let number = digits.reduce(0) { 10 * $0 + UInt64($1 - 48) }
        return number <= last ? Reader(kind: kind, position: number) : nil
    }

    /// How far it is, as lines tell it.
    func id(of reader: Reader) -> String { id(of: reader.position) }

    func isAtEnd(_ reader: Reader) -> Bool { reader.position == last }

    /// Some of the lines that come next, with line ends between them; nil if there is nothing for it.
    func read(for reader: inout Reader) -> [UInt8]? {
        var chunk: [UInt8] = []
        let isBehind = reader.position < lost(to: reader.kind)
        reader.position = max(reader.position, lastLost)
        if isBehind { chunk = JSON.line(TopicLine(gap: true, id: id(of: reader))) }
        while reader.position < last, chunk.count < Self.chunkBytes {
            let entry = entries[start + Int(reader.position - lastLost)]
            reader.position += 1
            guard entry.isMeant(for: reader.kind) else { continue }
            if !chunk.isEmpty { chunk.append(UInt8(ascii: "\n")) }
            chunk += entry.line.utf8
        }
        return chunk.isEmpty ? nil : chunk
    }

    private var lastLost: UInt64 { last - UInt64(entries.count - start) }

    private func lost(to kind: Reader.Kind) -> UInt64 {
        switch kind {
        case .worker: max(lostHere, lostElsewhere)
        case .node: lostHere
        }
    }

    private func id(of number: UInt64) -> String { "\(name)-\(number)" }
}

extension TopicLog.Entry {
    fileprivate var byteCount: Int {
        switch origin {
        case .here(let sender): line.utf8.count + (sender?.utf8.count ?? 0)
        case .elsewhere: line.utf8.count
        }
    }

    fileprivate func isMeant(for kind: TopicLog.Reader.Kind) -> Bool {
        switch (kind, origin) {
        case (.worker(let name?), .here(let sender?)): name != sender
        case (.worker, _), (.node, .here): true
        case (.node, .elsewhere): false
        }
    }
}
