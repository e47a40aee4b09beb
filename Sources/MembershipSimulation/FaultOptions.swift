import ArgumentParser
import IgropyrSimulation

/// What befalls the hosts, each as `MEMBERS,every=TIME,for=TIME..TIME`.
struct FaultOptions: ParsableArguments {
    @Option(help: "Freeze hosts: a number or share of them, how often, how long. Such as 1,every=60s,for=0.5s..20s")
    var pause: String?

    @Option(help: "Give hosts the processor only now and then, a second apart at most.")
    var starve: String?

    @Option(help: "Cut so many hosts off from the rest; heals after its time.")
    var partition: String?

    @Option(help: "Switch hosts off, for so long; they come back by the same name.")
    var restart: String?

    @Option(help: "Switch hosts off for good.")
    var kill: String?

    @Option(help: "Let hosts' monotonic clocks leap ahead, by so much.")
    var jump: String?

    private var texts: [(kind: Fault.Kind, text: String)] {
        [
            (.pause, pause), (.starve, starve), (.partition, partition), (.restart, restart), (.kill, kill),
            (.jump, jump),
        ].compactMap { kind, text in text.map { (kind, $0) } }
    }

    func faults() throws -> [Fault] { try texts.map { try Self.parse($0.text, of: $0.kind) } }

    func validate() throws { _ = try faults() }

    var repeated: String { texts.map { " --\($0.kind.rawValue) \($0.text)" }.joined() }

    private static func parse(_ text: String, of kind: Fault.Kind) throws -> Fault {
        let parts = text.split(separator: ",").map(String.init)
        let wrong = ValidationError("--\(kind.rawValue) \(text): write it as 1,every=60s,for=0.5s..20s.")
        guard let first = parts.first, let members = members(first) else { throw wrong }
        var fault = Fault(kind, members: members, every: .seconds(60), for: .seconds(1)...(.seconds(10)))
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            switch (pair.first, pair.count) {
            case ("every", 2): fault.interval = try Span.parseDuration(pair[1])
            case ("for", 2): fault.length = try Span.parse(pair[1], unit: .seconds(1))
            default: throw wrong
            }
        }
        guard fault.interval > .zero else { throw wrong }
        return fault
    }

    private static func members(_ text: String) -> Fault.Members? {
        if let count = Int(text), count > 0 { return .count(count) }
        guard let share = Double(text), share > 0, share < 1 else { return nil }
        return .share(share)
    }
}
