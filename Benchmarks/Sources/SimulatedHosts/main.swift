import Glibc
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

// Hosts of a cluster, as far as others see them, on the addresses PREFIX.FIRST to PREFIX.LAST.

let arguments = CommandLine.arguments
guard arguments.count == 7, let first = UInt8(arguments[4]), let last = UInt8(arguments[5]), first <= last,
    let applications = Int(arguments[6]), let seed = IgropyrUV.Endpoint(parsing: arguments[2], defaultPort: 7946)
else {
    print("Usage: SimulatedHosts KEY-FILE SEED-ADDRESS PREFIX FIRST LAST APPLICATIONS")
    exit(64)
}
let cluster = SimulatedHost.Cluster(
    key: try ClusterKey(fileAt: arguments[1]), seed: seed, applications: applications)
let thread = try EventLoopThread(name: "hosts")
var hosts: [SimulatedHost] = []
for number in first...last {
    guard let name = HostName(rawValue: "host-\(number)"),
        let address = SocketAddress("\(arguments[3]).\(number)", port: 7946)
    else {
        print("\(arguments[3]) does not begin an address")
        exit(64)
    }
    let host = SimulatedHost(name, at: address, in: cluster, on: thread.loop)
    try await host.start()
    hosts.append(host)
}
print("\(hosts.count) hosts gossip")
try await Task.sleep(for: .seconds(86_400))
