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

/// By whom to join: an address or a name, or a service with SRV records.
enum JoinArgument: ExpressibleByArgument {
    case member(EndpointArgument)
    case service(String)

    /// Host names begin with no underscore, services do.
    init?(argument: String) {
        let name = argument.hasPrefix("srv:") ? argument.dropFirst(4) : argument[...]
        if argument.hasPrefix("srv:") || name.hasPrefix("_") {
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") })
            else { return nil }
            self = .service(String(name))
        } else {
            guard let member = EndpointArgument(argument: argument) else { return nil }
            self = .member(member)
        }
    }

    var service: String? { if case .service(let name) = self { name } else { nil } }

    func endpoint(defaultPort: UInt16) -> Endpoint? {
        if case .member(let member) = self { member.endpoint(defaultPort: defaultPort) } else { nil }
    }
}
