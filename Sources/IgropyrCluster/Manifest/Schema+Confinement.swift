internal import IgropyrConfiguration
internal import IgropyrOrchestration

extension Schema where Value == Confinement {
    /// Limits on top of what is there.
    static func limits(_ confinement: Confinement) -> Schema<Confinement> {
        .section { section in
            var confinement = confinement
            section.read("memory", .bytes(in: Confinement.memoryRange), into: &confinement.memoryBytes)
            section.read("cpu", .cores, into: &confinement.cpuThousandths)
            section.read("files", .integer(in: Confinement.openFilesRange), into: &confinement.openFiles)
            section.read("processes", .integer(in: Confinement.processesRange), into: &confinement.processes)
            return confinement
        }
    }
}

extension Schema where Value == Int {
    /// In thousandths.
    fileprivate static var cores: Schema<Int> {
        let range = Confinement.cpuRange
        return Schema<Double>.decimal(in: Double(range.lowerBound) / 1000...Double(range.upperBound) / 1000)
            .map { Int(($0 * 1000).rounded()) }
    }
}

extension Schema where Value == String {
    static var user: Schema<String> {
        .text("a user's name or number") { Confinement.isUser($0) ? $0 : nil }
    }
}
