import ArgumentParser
import IgropyrUV

/// An address or a host name, with or without a port, as an option's value.
struct EndpointArgument {
    private let text: String

    /// This host alone reaches it.
    static func loopback(port: UInt16? = nil) -> EndpointArgument {
        EndpointArgument(text: port.map { "127.0.0.1:\($0)" } ?? "127.0.0.1")
    }

    var hasPort: Bool { endpoint(defaultPort: 0).port != 0 }

    func endpoint(defaultPort: UInt16) -> Endpoint {
        Endpoint(parsing: text, defaultPort: defaultPort) ?? Endpoint(host: text, port: defaultPort)
    }

    /// The first address that the name stands for.
    func address(defaultPort: UInt16, option: String) async throws -> SocketAddress {
        do throws(UnusableEndpoint) {
            return try await NameResolver.usableAddress(of: endpoint(defaultPort: defaultPort))
        } catch { throw CommandFailure("\(option) \(text): \(error)") }
    }
}

extension EndpointArgument {
    init(parsing text: String) throws {
        guard Endpoint(parsing: text, defaultPort: 0) != nil else {
            if UInt16(text) != nil {
                throw ValidationError(
                    "a port alone: write ADDRESS:PORT, as in 127.0.0.1:\(text) or, for every address, 0.0.0.0:\(text).")
            }
            throw ValidationError(
                "write an address or a name, with :PORT if need be (up to 65535); IPv6 with a port as '[::1]:8080'.")
        }
        self.init(text: text)
    }
}

/// By whom to join: an address or a name, or a service with SRV records.
enum JoinArgument {
    case member(EndpointArgument)
    case service(String)

    /// Host names begin with no underscore, services do.
    init(parsing text: String) throws {
        let name = text.hasPrefix("srv:") ? text.dropFirst(4) : text[...]
        if text.hasPrefix("srv:") || name.hasPrefix("_") {
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") })
            else { throw ValidationError("write a service as srv:_igropyr._udp.example.org, without a port.") }
            self = .service(String(name))
        } else {
            self = .member(try EndpointArgument(parsing: text))
        }
    }

    var service: String? { if case .service(let name) = self { name } else { nil } }

    func endpoint(defaultPort: UInt16) -> Endpoint? {
        if case .member(let member) = self { member.endpoint(defaultPort: defaultPort) } else { nil }
    }
}
