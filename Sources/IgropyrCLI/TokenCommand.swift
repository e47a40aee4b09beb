import ArgumentParser
import IgropyrCluster
import IgropyrConfiguration
import IgropyrOrchestration

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Print a token by which hosts join for a time, without the cluster's key.",
        discussion: """
              igropyr token                     # on a member
              igropyr node --bind 10.0.0.9 --join 10.0.0.1 --token igropyr-join.…

            The second line, on the new host, is all that it needs: a member gives it
            the cluster's key, and it keeps that in its data folder. A token may let in
            many hosts until it expires, and does nothing else; changing the cluster's
            key (igropyr keys rotate) ends all of them at once. Who came in by which
            one is in igropyr audit. It may also stand in the key file of the new host,
            in place of a key; balancers take it in the same ways.

            No node is asked: the token is made from the key file.
            """)

    @Option(help: "How long it is good for: 90s, 30m, 12h, 7d; at most 30d.", transform: Lifetime.parse)
    var expires = 3600

    @Flag(help: "For programs: the token, and when it expires.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        guard let key = try control.readKey() else {
            throw CommandFailure(
                "there is no key to make a token from: give the cluster's by --key-file. A cluster without a key lets "
                    + "everybody join")
        }
        var random = SystemRandomNumberGenerator()
        let token = JoinToken(from: key, lifetime: expires, at: .now, using: &random)
        guard !json else { return print(try JSONText.of(PrintedToken(token: token.text, expires: token.expires))) }
        print(token.text)
        StandardError.write("good until \(ClockTime.text(token.expires)), for hosts that join by any member\n")
    }
}

private struct PrintedToken: Encodable {
    var token: String
    var expires: UnixTime
}

private enum Lifetime {
    static func parse(_ text: String) throws -> Int {
        guard let lifetime = Quantity.duration(text), case let seconds = Int(lifetime.components.seconds),
            JoinToken.lifetimes.contains(seconds)
        else { throw ValidationError("write it as 90s, 30m, 12h or 7d, up to 30d.") }
        return seconds
    }
}
