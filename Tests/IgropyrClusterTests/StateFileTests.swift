import IgropyrOrchestration
import Testing

@testable import IgropyrCluster

@Suite struct `The state in a file` {
    private let folder: TemporaryFolder
    private let data: DataFolder
    private let snapshot: StateDelta

    init() throws {
        folder = try TemporaryFolder()
        data = try DataFolder(at: folder("data"))
        let name = try #require(HostName(rawValue: "a"))
        snapshot = StateDelta(hosts: [HostRecord(name: name, address: "10.0.0.1", controlPort: 7947, cores: 1)])
    }

    @Test func `what cannot be read is set aside, so that nothing is written over it`() throws {
        try StateFile.write(snapshot, to: data)
        guard case .damaged(let path, let reason) = try StateFile.read(from: data, limitBytes: 10) else {
            Issue.record("it was read")
            return
        }
        #expect(reason.contains("cannot read"))
        #expect(try folder.names("data").sorted() == ["lock", path.split(separator: "/").last.map(String.init)])
        guard case .none = try StateFile.read(from: data) else {
            Issue.record("it is still there")
            return
        }
    }

    @Test func `more than could be read again is not written, and what stood stays`() throws {
        try StateFile.write(snapshot, to: data)
        let error = #expect(throws: StateFile.TooLarge.self) {
            try StateFile.write(StateDelta(), to: data, limitBytes: 10)
        }
        #expect("\(error!)".contains("remove applications or certificates"))
        guard case .snapshot(let kept) = try StateFile.read(from: data) else {
            Issue.record("it is gone")
            return
        }
        #expect(kept == snapshot)
    }
}
