extension Sequence<DNSRecord.Service> {
    /// In the order in which the targets of a service are to be tried (RFC 2782): by priority; among equal ones at
    /// random, the greater the weight, the likelier first. A target that is the root says that there is none.
    public func inOrderOfTrial(using random: inout some RandomNumberGenerator) -> [DNSRecord.Service] {
        var rest = filter { !$0.target.labels.isEmpty }
        var ordered: [DNSRecord.Service] = []
        while let best = rest.map(\.priority).min() {
            // Those without a weight first, as the rule has it, so that they have a small chance.
            let group = rest.indices.filter { rest[$0].priority == best }.sorted { rest[$0].weight < rest[$1].weight }
            var mark = Int.random(in: 0...group.reduce(0) { $0 + Int(rest[$1].weight) }, using: &random)
            let chosen = group.first { index in
                mark -= Int(rest[index].weight)
                return mark <= 0
            }
            ordered.append(rest.remove(at: chosen ?? group[0]))
        }
        return ordered
    }
}
