import Testing

@testable import IgropyrCluster
@testable import IgropyrOrchestration

private let (a, b) = (HostName(rawValue: "a")!, HostName(rawValue: "b")!)
private let early = Refusal(code: .tooFarAhead, subject: "host a", reason: "its epoch is more than 24 hours ahead")
private let large = Refusal(code: .tooLarge, subject: "host a", reason: "a key of tags has 65 bytes")

@Suite struct RefusalBookTests {
    @Test func `a refusal is told once, and again after a while if it lasts`() {
        var book = RefusalBook()
        #expect(book.note([early, large], from: a) == [early, large])
        #expect(book.note([early, large], from: a).isEmpty && book.note([early], from: b).isEmpty)
        book.beginAnew()
        #expect(book.note([early], from: a) == [early])
    }

    @Test func `a refusal is a problem for as long as it lasts and its peer is there`() {
        var book = RefusalBook()
        _ = (book.note([early], from: b), book.note([large, early], from: a))
        let problems = book.problems(of: [a, b])
        #expect(problems.count == 2 && problems[0].contains("behind that of a, b,"))
        #expect(problems[1] == "something that a says is refused: host a: a key of tags has 65 bytes")
        #expect(book.problems(of: [b]).count == 1 && book.problems(of: []).isEmpty)
        _ = (book.note([], from: a), book.note([], from: b))
        #expect(book.problems(of: [a, b]).isEmpty)
    }

    @Test func `what a peer says of itself alone takes back nothing of what is refused else`() {
        var book = RefusalBook()
        _ = book.note([large], from: a)
        #expect(book.note([early, large], from: a, areAll: false) == [early] && book.problems(of: [a]).count == 2)
        _ = book.note([], from: a, areAll: false)
        #expect(book.problems(of: [a]).count == 2)
        _ = book.note([], from: a)
        #expect(book.problems(of: [a]).isEmpty)
    }

    @Test func `however much is refused, little is kept and told`() {
        var book = RefusalBook()
        let many = (0..<5000).map { Refusal(code: .malformed, subject: "deployment \($0)", reason: "x") }
        #expect(book.note(many, from: a).count == 1000)
        #expect(book.problems(of: [a]).count == 1)
    }
}
