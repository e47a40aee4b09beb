import IgropyrConfiguration

/// A schema with a bit of everything.
struct Zoo: Equatable {
    enum Food: String, CaseIterable { case hay, fish, seed }
    struct Cage: Equatable {
        var keeper = "nobody"
        var animals = 1
        var isOpen = false
        var food = Food.hay
        var visit = Duration.seconds(60)
        var water = 1024
        var warmth: Double? = 20.5
    }

    var cages: [String: Cage] = [:]
    var gates: [NetworkAddress] = []
    var prices: [Int] = []

    static func read(_ text: String) throws(ConfigurationError) -> Zoo {
        try Schema.zoo.read(Array(text.utf8), file: "zoo.yaml")
    }

    /// What is wrong with a file, a line for each issue.
    static func issues(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }
}

extension Schema where Value == Zoo {
    static var zoo: Schema<Zoo> {
        .section { section in
            var zoo = Zoo()
            let cages = section.value("cages", .mapping(keys: .string(bytes: 1...8), values: .cage, limit: 3)) ?? []
            for (name, cage) in cages { zoo.cages[name] = cage }
            section.read("gates", .oneOrMore(of: .address, limit: 4), into: &zoo.gates)
            section.read("prices", .list(of: .integer(in: 0...100), limit: 4), into: &zoo.prices)
            return zoo
        }
    }
}

extension Schema where Value == Zoo.Cage {
    static var cage: Schema<Zoo.Cage> {
        .short(Schema<String>.string.map { Zoo.Cage(keeper: $0) }, or: full)
    }

    private static var full: Schema<Zoo.Cage> {
        .section { section in
            var cage = Zoo.Cage()
            section.read("keeper", .string, into: &cage.keeper)
            section.read("animals", .integer(in: 1...10), into: &cage.animals)
            section.read("open", .bool, into: &cage.isOpen)
            section.read("food", .word(), into: &cage.food)
            section.read("visit", .duration(in: .milliseconds(1)...(.seconds(3600))), into: &cage.visit)
            section.read("water", .bytes(in: 0...(1 << 30)), into: &cage.water)
            section.read("warmth", .off(or: .decimal(in: -40...60)), into: &cage.warmth)
            if cage.isOpen, cage.animals > 5 {
                section.refuse("animals", "found \(cage.animals), too many to run away")
            }
            return cage
        }
    }
}
