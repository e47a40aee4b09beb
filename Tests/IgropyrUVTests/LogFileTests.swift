import Glibc
import IgropyrUV
import TestSupport
import Testing

@Test func `a file that could be logged to is found without being made`() throws {
    let place = try TemporaryFolder()
    let folder = place.path
    try LogFile.checkAppending(to: "\(folder)/new.log")
    #expect(access("\(folder)/new.log", F_OK) != 0)
    _ = try LogFile(appendingTo: "\(folder)/new.log")
    try LogFile.checkAppending(to: "\(folder)/new.log")
    for path in ["\(folder)/none/new.log", folder, "\(folder)/new.log/x"] {
        let expected = #expect(throws: UVError.self) { _ = try LogFile(appendingTo: path) }
        let found = #expect(throws: UVError.self) { try LogFile.checkAppending(to: path) }
        #expect(found?.code == expected?.code, "\(path)")
    }
}
