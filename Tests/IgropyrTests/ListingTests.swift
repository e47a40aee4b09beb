import FoundationEssentials
import Glibc
import Igropyr
import IgropyrUV
import Testing

@Suite(.timeLimit(.minutes(5))) struct ListingTests {
    private static func with(
        _ change: @escaping @Sendable (inout FileServing) -> Void = { _ in },
        _ body: @escaping @Sendable (Caller, Site) async throws -> Void
    ) async throws {
        try await Site.with { site in
            for name in ["list/b.txt", "list/A.txt", "list/zoo/x", "list/<i>&\"'.txt", "list/.hidden", "list/a?b#c"] {
                try site.write(name, "four")
            }
            try site.write("list/large", Site.large)
            try site.link("list/link", to: "../a b.txt")
            try #require(mkfifo(site.path + "/list/fifo", 0o644) == 0)
            try await withApp { app in
                var serving = FileServing()
                serving.listing = FolderListing()
                change(&serving)
                app.files("/", from: site.path, serving)
            } _: { caller in
                try await body(caller, site)
            }
        }
    }

    /// Notes which requests are answered in a task.
    private struct TaskNotes: Middleware {
        let paths: Locked<[String]>

        func before(_ request: Request) -> Response? {
            if withUnsafeCurrentTask(body: { $0 != nil }) { paths.withLock { $0.append(request.path) } }
            return nil
        }
    }

    @Test func `where folders are listed, files take no task`() async throws {
        let notes = TaskNotes(paths: Locked([]))
        try await Site.with { site in
            try site.write("in/a.txt", "four")
            try await withApp { app in
                var serving = FileServing()
                serving.listing = FolderListing()
                app.use(notes)
                app.files("/at", from: site.path, serving)
            } _: { caller in
                var statuses: [Int] = []
                for path in ["", "in/", "in/?a=b", "in/a.txt", "in", "none", "none/"] {
                    statuses.append(try await caller.send("/at/" + path).status)
                }
                #expect(statuses == [200, 200, 200, 200, 308, 404, 404])
                #expect(notes.paths.withLock { $0 } == ["/at/", "/at/in/", "/at/in/", "/at/none/"])
            }
        }
    }

    private struct Document: Decodable {
        struct Item: Decodable, Equatable {
            let name: String
            let type: String
            let size: Int?
            let modified: String
        }

        let path: String
        let items: [Item]
        let isComplete: Bool
    }

    private static func document(_ caller: Caller, _ target: String) async throws -> Document {
        let response = try await caller.send(target, [("Accept", "application/json")])
        #expect(response.field("Content-Type") == "application/json")
        return try JSONDecoder().decode(Document.self, from: Data(response.body))
    }

    @Test func `programs get what is served, folders first, by name`() async throws {
        try await Self.with { caller, _ in
            let document = try await Self.document(caller, "/list/")
            #expect(document.path == "/list" && document.isComplete)
            #expect(document.items.map(\.name) == ["zoo", "<i>&\"'.txt", "A.txt", "a?b#c", "b.txt", "large"])
            #expect(document.items.map(\.type) == ["folder"] + Array(repeating: "file", count: 5))
            #expect(document.items.map(\.size) == [nil, 4, 4, 4, 4, Site.large.utf8.count])
            #expect(document.items[1].modified == "1994-11-06T08:49:37Z")
        }
    }

    @Test func `people get a page on which no name can be more than a name`() async throws {
        try await Self.with { caller, _ in
            let response = try await caller.send("/list/", [("Accept", "text/html,*/*;q=0.8")])
            #expect(response.status == 200 && response.field("Content-Type") == "text/html; charset=utf-8")
            #expect(response.field("Vary") == "Accept")
            for row in [
                "<a href=\"../\">../</a>", "<a href=\"zoo/\">zoo/</a>",
                "<a href=\"%3Ci%3E%26%22%27.txt\">&lt;i&gt;&amp;&quot;&#39;.txt</a></td><td>4 B</td><td>1994-11-06 08:49</td>",
                "<a href=\"a%3Fb%23c\">a?b#c</a>", "<td>4.8 MB</td>",
            ] { #expect(response.text.contains(row), "\(row)") }
            #expect(!response.text.contains("hidden") && !response.text.contains("fifo"))
            #expect(!response.text.contains("<i>") && !response.text.contains("link"))
            #expect(try await caller.send("/list/a%3Fb%23c").text == "four")
        }
    }

    @Test func `an index goes before a listing, and the top has no way up`() async throws {
        try await Self.with { caller, site in
            #expect(try await caller.send("/").text == "<p>index")
            try site.remove("index.html")
            try site.remove("folder/index.html")
            let (top, folder) = (try await caller.send("/").text, try await caller.send("/folder/").text)
            #expect(!top.contains("../") && folder.contains("../"))
            #expect(try await caller.send("/list").status == 308)
            #expect(try await caller.send("/none/").status == 404)
            #expect(try await caller.send("/.git/").status == 404)
        }
    }

    /// Fifty thousand names take a third of a second.
    @Test func `a listing is made on no loop`() async throws {
        try await Self.with {
            $0.listing?.page = { contents in "\(contents.items.count) \(EventLoop.current == nil)" }
        } _: { caller, _ in
            let response = try await caller.send("/list/")
            #expect(response.text == "6 true")
        }
    }

    @Test func `a large folder is shown in part, and says so`() async throws {
        try await Self.with {
            $0.listing?.itemLimit = 3
        } _: { caller, _ in
            let document = try await Self.document(caller, "/list/")
            #expect(document.items.count <= 3 && !document.isComplete)
            #expect(try await caller.send("/list/").text.contains("There is more here"))
        }
    }

    @Test func `dotfiles and links are shown when asked for`() async throws {
        try await Self.with {
            $0.servesDotfiles = true
            $0.symlinks = .beneath
        } _: { caller, site in
            try site.link("list/out", to: "../../outside.txt")
            let names = try await Self.document(caller, "/list/").items.map(\.name)
            #expect(names.contains(".hidden") && names.contains("link") && !names.contains("out"))
        }
    }

    @Test func `without listing a folder is not shown`() async throws {
        try await Self.with {
            $0.listing = nil
        } _: { caller, _ in
            let response = try await caller.send("/list/")
            #expect(response.status == 404)
        }
    }
}
