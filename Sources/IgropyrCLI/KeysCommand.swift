import ArgumentParser
import Foundation
import IgropyrCluster
import IgropyrText

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Change the cluster's key while it runs, or look at it.",
        discussion: """
            In one go; nothing is removed unless everybody has the new key in use:

              (umask 077; igropyr keygen > new.key)
              igropyr keys rotate new.key

            Or step by step; each step must have reached everybody before the next:

              igropyr keys add new.key
              igropyr keys use new.key
              igropyr keys remove 3f29ab…      # or the old key's file

            Members keep the changed keys in their data folder. New hosts, Serf agents
            without a keyring file, balancers that start again and commands from
            elsewhere need the new key file. Members that are away at the time, too.

            Keys are shown by fingerprints, which tell nothing about them. Exit code 2:
            somebody did not answer, or refused.
            """,
        subcommands: [List.self, Add.self, Use.self, Remove.self, Rotate.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which keys each member has, the one in use first.",
            discussion: """
                  igropyr keys list
                  igropyr keys list --json | jq .
                """)

        @OptionGroup var options: KeyOptions

        func run() async throws {
            let poll = try await options.perform { keys in try await keys.run(KeysMessage(.list), "asking") }
            if options.json {
                print(try JSONText.of(poll.outcomes.mapValues(\.fingerprints)))
            } else {
                var table = Table("MEMBER", "IN USE", "OTHERS")
                for (member, outcome) in poll.outcomes.sortedNaturally(by: { [$0.key] }) {
                    table.add(
                        member, outcome.fingerprints.first ?? "-",
                        outcome.isDone ? outcome.fingerprints.dropFirst().joined(separator: " ") : outcome.message)
                }
                print(table.text)
            }
            try KeyClient.requireAll(poll, nothingWasDone: true)
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give every member one more key that it can read.",
            discussion: "  igropyr keys add new.key")

        @Argument(help: "The file with the key.", transform: nonempty)
        var file: String

        @OptionGroup var options: KeyOptions

        func run() async throws {
            let key = try ClusterKey.reading(file)
            try await options.change(KeysMessage(.add, key: key), "added", key.fingerprint)
        }
    }

    struct Use: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have every member write with a key that all have.",
            discussion: "  igropyr keys use new.key\n  igropyr keys use 3f29ab")

        @Argument(help: "The file with the key, or how its fingerprint begins.", transform: nonempty)
        var key: String

        @OptionGroup var options: KeyOptions

        func run() async throws {
            let named = try NamedKey(key)
            try await options.change(named.message(.use), "in use", named.text)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have every member forget a key that none uses.",
            discussion: "  igropyr keys remove old.key\n  igropyr keys remove 3f29ab")

        @Argument(help: "The file with the key, or how its fingerprint begins.", transform: nonempty)
        var key: String

        @OptionGroup var options: KeyOptions

        func run() async throws {
            let named = try NamedKey(key)
            try await options.change(named.message(.remove), "removed", named.text)
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace the cluster's key: add the new one, use it, remove the others.",
            discussion: """
                  (umask 077; igropyr keygen > new.key)
                  igropyr keys rotate new.key

                Stops where not every member that is alive has followed; the cluster then
                goes on with both keys, and the same command tries again.
                """)

        @Argument(help: "The file with the new key.", transform: nonempty)
        var file: String

        @Flag(help: "Keep the old keys, for members that are away; remove them later.")
        var keepOld = false

        @OptionGroup var options: KeyOptions

        func run() async throws {
            let key = try ClusterKey.reading(file)
            let (keepOld, isQuiet) = (keepOld, options.json)
            let removed = try await options.perform { keys in
                try await keys.rotate(to: key, keepsOld: keepOld) { if !isQuiet { print("  \($0)") } }
            }
            if options.json {
                print(try JSONText.of(["inUse": [key.fingerprint], "removed": removed]))
            } else {
                print("the cluster uses the key \(key.fingerprint): give its file to every host that joins or restarts")
            }
        }
    }
}

/// A key by its file, or by how its fingerprint begins.
private struct NamedKey {
    let text: String
    private let key: ClusterKey?

    init(_ argument: String) throws {
        let isFingerprint = argument.allSatisfy(\.isHexDigit) && !FileManager.default.fileExists(atPath: argument)
        guard !isFingerprint || (6...12).contains(argument.count) else {
            throw CommandFailure(
                "\(argument): give the first 6 to 12 digits of the key's fingerprint (igropyr keys list), or its file")
        }
        key = isFingerprint ? nil : try .reading(argument)
        text = key?.fingerprint ?? argument.lowercased()
    }

    func message(_ action: KeysMessage.Action) -> KeysMessage {
        KeysMessage(action, key: key, fingerprint: key == nil ? text : nil)
    }
}

struct KeyOptions: ParsableArguments {
    @OptionGroup var waiting: TimeoutOption

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (KeyClient) async throws -> Result
    ) async throws -> Result {
        let timeout = waiting.timeout
        return try await control.withClient { client, node in
            try await body(KeyClient(client: client, node: node, timeout: timeout))
        }
    }

    func change(_ message: KeysMessage, _ done: String, _ key: String) async throws {
        let poll = try await perform { keys in try await keys.run(message, "changing keys") }
        if json {
            print(try JSONText.of(poll.outcomes.mapValues { $0.isDone ? "done" : $0.message }))
        } else {
            print(
                "\(key) \(done): \(poll.outcomes.values.count { $0.isDone }) of \(poll.asked.count.counting("member"))")
        }
        try KeyClient.requireAll(poll, nothingWasDone: false)
    }
}
