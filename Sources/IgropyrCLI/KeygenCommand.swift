import ArgumentParser
import IgropyrCluster

struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Print a new cluster key.",
        discussion: """
            32 random bytes in base64, as Serf writes keys, too. Whoever holds the key
            is a member of the cluster and may deploy:

              (umask 077; igropyr keygen > cluster.key)
            """)

    func run() {
        var random = SystemRandomNumberGenerator()
        print(ClusterKey.generate(using: &random).base64)
    }
}
