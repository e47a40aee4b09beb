@testable import Igropyr
import IgropyrUV
import Testing

struct WorkerContractTests {
    private static func contract(_ environment: [String: String]) -> WorkerContract {
        WorkerContract(service: ServiceContract(pid: 42) { environment[$0] }) { environment[$0] }
    }

    @Test(arguments: [(nil, nil), ("", nil), ("8080", 8080), ("0", 0)] as [(String?, UInt16?)])
    func `PORT names a port`(text: String?, port: UInt16?) throws {
        #expect(try Self.contract(text.map { ["PORT": $0] } ?? [:]).port() == port)
    }

    @Test(arguments: ["x", "+80", "65536", "-1", "80 "]) func `a PORT that is none is an error that names it`(
        text: String
    ) {
        let error = #expect(throws: StartFailure.self) { try Self.contract(["PORT": text]).port() }
        #expect(error?.description.contains("PORT is \"\(text)\"") == true)
    }

    @Test func `a worker knows its names`() {
        let environment = ["IGROPYR_APPLICATION": "shop", "IGROPYR_HOST": "h", "IGROPYR_WORKER": "2"]
        #expect(Self.contract(environment).worker == Worker(application: "shop", host: "h", index: 2))
        #expect(Self.contract([:]).worker == nil)
    }
}
