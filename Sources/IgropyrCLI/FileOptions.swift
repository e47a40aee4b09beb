import ArgumentParser
import Igropyr

/// How files are served, as options.
struct FileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What stands for a folder, the first that is there; may be given several times. Default: index.html.",
            valueName: "name"))
    var index: [String] = []

    @Flag(help: "Show a folder that has no index, as a page or (Accept: application/json) as JSON.")
    var listing = false

    @Option(
        help: ArgumentHelp(
            "What answers where nothing is, such as /index.html for an application of a single page.",
            valueName: "path"))
    var fallback: String?

    @Option(
        help: ArgumentHelp(
            "What Cache-Control says, of all files or of those that a pattern fits: '*.html: no-cache'. The first that fits counts; may be given several times.",
            valueName: "[pattern:] value"), transform: CacheRule.init(parsing:))
    var cacheControl: [CacheRule] = []

    @Option(
        help: ArgumentHelp(
            "The media type of names with an end: 'gltf=model/gltf+json'. May be given several times.",
            valueName: "end=type"), transform: TypeRule.init(parsing:))
    var type: [TypeRule] = []

    @Flag(help: "Follow symbolic links that stay within the folder.")
    var followSymlinks = false

    @Flag(help: "Serve and list names that begin with a dot.")
    var dotfiles = false

    @Flag(help: "Compress nothing; files that are compressed already (app.js.gz) are still chosen.")
    var noCompress = false

    @Option(help: ArgumentHelp("Memory for small files, on each event loop. 0 keeps none.", valueName: "MiB"))
    var cache = 16

    func validate() throws {
        guard 0...65_536 ~= cache else { throw ValidationError("--cache takes 0 to 65536 MiB.") }
        do throws(FileServingMistake) { try serving.check() } catch {
            let options = [
                "indexNames": "--index", "cacheControl": "--cache-control", "types": "--type",
                "fallback": "--fallback",
            ]
            throw ValidationError("\(options[error.setting] ?? error.setting) \"\(error.value)\": \(error.reason).")
        }
    }

    /// Whether none was given.
    var areDefaults: Bool {
        index.isEmpty && !listing && fallback == nil && cacheControl.isEmpty && type.isEmpty && !followSymlinks
            && !dotfiles && !noCompress && cache == 16
    }

    var serving: FileServing {
        var serving = FileServing()
        if !index.isEmpty { serving.indexNames = index }
        serving.listing = listing ? FolderListing() : nil
        serving.fallback = fallback
        for rule in cacheControl { serving.cacheControl.add(rule.pattern, rule.value) }
        for rule in type { serving.types[rule.end] = rule.type }
        serving.symlinks = followSymlinks ? .beneath : .refused
        serving.servesDotfiles = dotfiles
        if noCompress { serving.compression = nil }
        serving.cache.bytes = cache << 20
        return serving
    }
}

/// `pattern: value`, or a value for all files.
struct CacheRule {
    let pattern: String
    let value: String

    init(parsing text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            .map { $0.drop { $0 == " " } }
        guard let value = parts.last, !value.isEmpty, parts.first?.isEmpty == false else {
            throw ValidationError("write it as 'max-age=3600', or for some files as '*.html: no-cache'.")
        }
        self.value = String(value)
        pattern = parts.count == 2 ? String(parts[0]) : "**/*"
    }
}

/// `end=type`, the end with or without its dot.
struct TypeRule {
    let end: String
    let type: String

    init(parsing text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts[1].contains("/") else {
            throw ValidationError("write it as 'gltf=model/gltf+json'.")
        }
        end = (parts[0].hasPrefix(".") ? parts[0].dropFirst() : parts[0]).lowercased()
        type = String(parts[1])
    }
}
