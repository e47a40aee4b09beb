import Igropyr
import TestSupport
import Testing

/// Pages that code makes.
@Suite(.timeLimit(.minutes(5))) struct HTMLTests {
    private static let name = "<b title='a'>R&D\"\u{301}"
    private static let escaped = "&lt;b title=&#39;a&#39;&gt;R&amp;D&quot;\u{301}"
    private static let item = HTML("<li>\(name)</li>")
    private static let page: HTML = "<p class=\"\(name)\">\(7)</p>"

    private static let pages: [(page: HTML, text: String)] = [
        ("<p>", "<p>"), (HTML("<p>"), "<p>"), (HTML("<p>", status: .created), "<p>"),
        (HTML("<p>\(name)</p>"), "<p>\(escaped)</p>"), (HTML("<p>\(name)</p>", status: .created), "<p>\(escaped)</p>"),
        (page, "<p class=\"\(escaped)\">7</p>"), (HTML(page, status: .created), "<p class=\"\(escaped)\">7</p>"),
        (HTML("<ul>\(item)</ul>"), "<ul><li>\(escaped)</li></ul>"),
        (HTML("<ul>\([item, item])</ul>"), "<ul><li>\(escaped)</li><li>\(escaped)</li></ul>"),
        (HTML("<ul>\([HTML]())\(HTML?.none)\(HTML?.some(item))</ul>"), "<ul><li>\(escaped)</li></ul>"),
        (HTML("<p>\(unescaped: "<i>")</p>"), "<p><i></p>"), (HTML(unescaped: name), name),
        (HTML("\(name.prefix(2))"), "&lt;b"),
    ]

    @Test(arguments: pages.indices) func `text that is put into a page is escaped, and HTML is not`(index: Int) {
        #expect(Self.pages[index].page.text == Self.pages[index].text)
    }

    @Test func `a page is answered with its status`() async throws {
        try await withApp { app in
            app.get("/:name") { request in HTML("<p>\(request.parameters["name"] ?? "")", status: .accepted) }
        } _: { caller in
            let answer = try await caller.send("/%3Cb%3E")
            #expect(answer.status == 202 && answer.text == "<p>&lt;b&gt;")
            #expect(answer.field("Content-Type") == "text/html; charset=utf-8")
        }
    }
}
