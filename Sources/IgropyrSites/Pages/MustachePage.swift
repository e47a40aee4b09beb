internal import Igropyr
internal import IgropyrText
internal import IgropyrUV
internal import Mustache

/// A template with its partials and its data, and the files that all this is made of.
struct MustachePage {
    /// The clock of file systems ticks so that two changes may look like one; only what is older is kept.
    private static let settlingSeconds: Int64 = 2

    private let template: MustacheTemplate
    private let library: MustacheLibrary
    private let data: [String: Any]
    /// Nil for what was looked for and is not there.
    private let sources: [String: OpenFile.Identity?]

    /// - Throws: ``MustacheMistake``, `ConfigurationError` and their like: what is wrong with one of the files.
    init(_ file: String, in folder: Folder) throws {
        var reader = MustacheReader(folder, page: file)
        template = try reader.template(file, within: [])
        data = try reader.data()
        (library, sources) = (reader.library, reader.sources)
    }

    func isCurrent(in folder: Folder) -> Bool {
        sources.allSatisfy { file, identity in (try? folder.status(of: file))?.identity == identity }
    }

    var isSettled: Bool {
        let latest = EventLoop.secondsSince1970 - Self.settlingSeconds
        return sources.values.allSatisfy { ($0?.changed.seconds ?? 0) <= latest }
    }

    /// HTML. The request stands under `request`, the data beside it.
    func render(_ request: [String: Any]) -> String {
        template.render(data.merging(["request": request]) { _, new in new }, library: library)
    }
}

/// What is wrong with a template.
struct MustacheMistake: Error, CustomStringConvertible {
    /// Names the file, and the line where there is one.
    let description: String
}

/// Escapes as all else here does: the library's own leaves a quote that a combining mark follows as it is.
private struct HTMLText: MustacheContentType {
    func escapeText(_ text: String) -> String { text.escapedForHTML }

    static let isRegistered: Bool = {
        MustacheContentTypes.register(HTMLText(), named: "HTML")
        return true
    }()
}

/// Reads what a page is made of.
private struct MustacheReader {
    private static let limitBytes = 1 << 20
    /// Sections within each other.
    private static let limitDepth = 64
    private static let limitPartials = 100
    /// How often partials are put in, all told: twenty that each name the next twice would make a million.
    private static let limitExpansions = 10_000

    private let folder: Folder
    private let page: String
    private(set) var library = MustacheLibrary()
    private(set) var sources: [String: OpenFile.Identity?] = [:]
    /// Of partials that are read, what each puts in, itself included.
    private var expansions: [String: Int] = [:]

    init(_ folder: Folder, page: String) {
        self.folder = folder
        self.page = page
    }

    /// Reads a file, and the partials that it names before it.
    mutating func template(_ file: String, within others: [String]) throws -> MustacheTemplate {
        guard let bytes = try read(file), let text = String(validating: bytes, as: UTF8.self) else {
            throw MustacheMistake(description: "\(file): it is not there, or no UTF-8")
        }
        var count = 1
        for name in try Self.partials(in: text, of: file) { count += try partial(name, of: file, within: others) }
        guard count <= Self.limitExpansions else {
            throw MustacheMistake(description: "\(file): partials are put in more than \(Self.limitExpansions) times")
        }
        if let name = others.last { expansions[name] = count }
        return try Self.parse(text, file)
    }

    private mutating func partial(_ name: String, of file: String, within others: [String]) throws -> Int {
        if let count = expansions[name] { return count }
        // One that names itself would have no end: what it finds in its data may be what it has found before.
        guard !others.contains(name) else {
            throw MustacheMistake(description: "\(file): the partial \(name) is within itself")
        }
        guard expansions.count < Self.limitPartials, let path = path(of: name) else {
            throw MustacheMistake(description: "\(file): no partial can be called \(name), or there are too many")
        }
        library.register(try template(path, within: others + [name]), named: name)
        return expansions[name] ?? 1
    }

    /// Beside the page, or from the root if it begins with a slash.
    private func path(of name: String) -> String? {
        let home = (page.pathNames.dropLast() + [""]).joined(separator: "/")
        let path = (name.hasPrefix("/") ? String(name.dropFirst()) : home + name) + ".mustache"
        return path.pathNames.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." } ? path : nil
    }

    /// Nil if there is none.
    private mutating func read(_ file: String) throws -> [UInt8]? {
        do throws(UVError) {
            guard case .file(let opened) = try folder.open(beneath: file), opened.size <= Self.limitBytes else {
                throw UVError(code: UVError.notFound, call: "open")
            }
            sources.updateValue(opened.identity, forKey: file)
            return try opened.read(at: 0, count: opened.size)
        } catch  where error.code == UVError.notFound {
            sources.updateValue(nil, forKey: file)
            return nil
        }
    }

    /// Of the page's data file; empty without one.
    mutating func data() throws -> [String: Any] {
        let name = page.hasSuffix(".mustache") ? String(page.dropLast(9)) : page
        for end in MustacheData.ends {
            let file = name + "." + end
            if let bytes = try read(file) { return try MustacheData.value(of: bytes, file: file) }
        }
        return [:]
    }

    private static func parse(_ text: String, _ file: String) throws(MustacheMistake) -> MustacheTemplate {
        precondition(HTMLText.isRegistered)
        do {
            return try MustacheTemplate(string: "{{% CONTENT_TYPE:HTML}}\n" + text)
        } catch let error as MustacheTemplate.ParserError {
            let (line, column) = (error.context.lineNumber - 1, error.context.columnNumber)
            throw MustacheMistake(description: "\(file):\(line):\(column): \(error.error)")
        } catch {
            throw MustacheMistake(description: "\(file): \(error)")
        }
    }

    /// The names of partials in it: all of them, maybe some that stand in comments.
    private static func partials(in text: String, of file: String) throws(MustacheMistake) -> [String] {
        var (names, depth, rest) = ([String](), 0, text[...])
        while let open = rest.firstRange(of: "{{") {
            rest = rest[rest.index(after: open.lowerBound)...]  // Braces may overlap.
            let tag = text[open.upperBound...]
            switch tag.first {
            case "#", "^", "$": depth += 1
            case "/": depth -= 1
            case "=": throw MustacheMistake(description: "\(file): the tags {{ and }} cannot be changed")
            case "<":  // Blocks that fill in each other would have no end.
                throw MustacheMistake(description: "\(file): inheritance ({{<…}}) is not supported: use partials")
            case ">":
                let name = tag.dropFirst().drop(while: \.isWhitespace).prefix { !$0.isWhitespace && $0 != "}" }
                guard !name.hasPrefix("*") else {
                    throw MustacheMistake(description: "\(file): the name of a partial has to be written out")
                }
                names.append(String(name))
            default: break
            }
            guard depth <= limitDepth else {
                throw MustacheMistake(description: "\(file): more than \(limitDepth) sections within each other")
            }
        }
        return names
    }
}
