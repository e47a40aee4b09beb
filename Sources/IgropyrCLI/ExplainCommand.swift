import ArgumentParser
import Foundation
import IgropyrBalancer
import IgropyrHTTP
import IgropyrTransport

struct ExplainCommand: AsyncParsableCommand {
    /// Where a balancer answers what is asked about it.
    static let port: UInt16 = 7951

    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say which worker a request would go to, why, and who is next.",
        discussion: """
            Asks a balancer of this host that was started with --admin:

              igropyr balancer … --admin 127.0.0.1:7951
              igropyr explain 'http://shop.example/cart?id=7'
              igropyr explain /cart --header 'Cookie: sid=3' --json

            A worker that has more than its share to do passes requests on to the next.
            """)

    @Argument(help: "A URL, or a path.", transform: nonempty)
    var url: String

    @Option(help: "The request's method.")
    var method = "GET"

    @Option(help: "A field of the request, as NAME: VALUE; may be repeated.")
    var header: [String] = []

    @Option(help: "The client's IP address, where it is the key.", transform: nonempty)
    var source: String?

    @Option(
        help: "Where the balancer's --admin answers. Default: 127.0.0.1:7951",
        transform: EndpointArgument.init(parsing:))
    var admin: EndpointArgument = .loopback(port: port)

    @Flag(help: "For programs.")
    var json = false

    func run() async throws {
        var query = [("url", url), ("method", method)] + header.map { ("header", $0) }
        if let source { query.append(("source", source)) }
        let target = "/explain?" + query.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        let admin = admin
        let response = try await onEventLoop { loop in
            let address = try await admin.address(defaultPort: Self.port, option: "--admin")
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            do {
                return try await client.send(.init(.get, target), to: address)
            } catch let failure as HTTPClientFailure {
                throw CommandFailure(
                    "no balancer answers at \(address) (\(failure)): start it with --admin \(address), or "
                        + "its node with --balance-admin")
            }
        }
        let text = String(decoding: response.body, as: UTF8.self)
        guard response.status == 200 else { throw CommandFailure(text.trimmingCharacters(in: .newlines)) }
        if json { return print(text, terminator: "") }
        print(Self.text(try JSONDecoder().decode(Explanation.self, from: Data(response.body))))
    }

    private static func text(_ answer: Explanation) -> String {
        if let redirect = answer.redirect { return "redirected to \(redirect)" }
        guard let application = answer.application else { return "no route matches: 404" }
        var lines = ["application  \(application)", "balance      \(answer.balance ?? "")"]
        if let key = answer.key, let hash = answer.hash { lines.append("key          \(key), hash \(hash)") }
        guard !answer.choices.isEmpty else {
            return (lines + ["no worker is there: requests wait, then 503"]).joined(separator: "\n")
        }
        var table = Table("", "WORKER", "ADDRESS", "STATE", "IN FLIGHT", "SHARE")
        for (rank, choice) in answer.choices.enumerated() {
            let place = answer.key == nil ? "" : rank == 0 ? "owner" : "then"
            table.add(
                place, choice.id, choice.address, choice.state, "\(choice.inFlight)",
                "\(String(format: "%.1f", choice.share * 100)) %")
        }
        return (lines + ["", table.text]).joined(separator: "\n")
    }
}
