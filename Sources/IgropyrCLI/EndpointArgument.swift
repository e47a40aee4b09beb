import ArgumentParser
import IgropyrUV

/// An address or a host name, with or without a port, as an option's value.
struct EndpointArgument: ExpressibleByArgument {
    private let text: String

    init?(argument: String) {
        guard Endpoint(parsing: argument, defaultPort: 0) != nil else { return nil }
        text = argument
    }

    var defaultValueDescription: String { text }

    var hasPort: Bool { endpoint(defaultPort: 0).port != 0 }

    func endpoint(defaultPort: UInt16) -> Endpoint {
        Endpoint(parsing: text, defaultPort: defaultPort) ?? Endpoint(host: text, port: defaultPort)
    }

    /// The first address that the name stands for.
    func address(defaultPort: UInt16, option: String, on loop: EventLoop) async throws -> SocketAddress {
        let endpoint = endpoint(defaultPort: defaultPort)
        do throws(UVError) {
            if let first = try await NameResolver.addresses(of: endpoint, on: loop).first { return first }
        } catch {
            throw CommandFailure(
                "\(option) \(text): \(error.reason); give an address, or a name that the resolver knows.")
        }
        throw CommandFailure("\(option) \(text): the name has no address.")
    }
}
