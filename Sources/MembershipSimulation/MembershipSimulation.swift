import ArgumentParser

@main
struct MembershipSimulation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "MembershipSimulation",
        abstract: "Simulate clusters of igropyr's gossip members in virtual time.",
        discussion: """
            It runs the state machine that ships, on hosts and a network that are made
            up. A seed repeats a run exactly. Build it for speed:

              swift run -c release MembershipSimulation --members 100 --duration 1h
              swift run -c release MembershipSimulation detect --members 5 --seeds 1000
              swift run -c release MembershipSimulation chart --folder docs
              swift run -c release MembershipSimulation cluster --seeds 1000
            """,
        subcommands: [
            RunCommand.self, DetectCommand.self, KillCommand.self, JoinCommand.self, HealCommand.self,
            ChartCommand.self, ClusterCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}
