internal import IgropyrDNS
internal import IgropyrGossip
internal import IgropyrUV

/// Members by the SRV records of a service (RFC 2782).
enum ServiceLookup {
    private static let limitTargets = 64

    /// Where the service's targets are, in the order in which to try them; addresses that came along spare a question.
    /// `server`: Asked in place of the system's name server, for the targets' addresses, too.
    static func endpoints(of service: String, from server: SocketAddress?) async throws(UVError) -> [Endpoint] {
        let answer = try await ask(service, DNSType.service, server)
        let services = answer.answers.prefix(limitTargets).compactMap { record in
            if case .service(let service) = record.content { service } else { nil }
        }
        var random = SystemRandomNumberGenerator()
        let ordered = services.inOrderOfTrial(using: &random)
        guard !ordered.isEmpty else { throw UVError(code: UVError.nameWithoutData, call: "look up \(service)") }
        var endpoints: [Endpoint] = []
        for service in ordered {
            let known = addresses(of: service.target, in: answer.additional)
            let hosts = known.isEmpty && server != nil ? try await ask(service.target, server) : known
            endpoints +=
                hosts.isEmpty
                ? [Endpoint(host: "\(service.target)", port: service.port)]
                : hosts.map { Endpoint(host: $0, port: service.port) }
        }
        return endpoints
    }

    private static func ask(_ target: DNSName, _ server: SocketAddress?) async throws(UVError) -> [String] {
        var hosts: [String] = []
        for type in [DNSType.address, DNSType.address6] {
            // A name with addresses of one kind only is no error.
            guard let answer = try? await ask("\(target)", type, server) else { continue }
            hosts += addresses(of: nil, in: answer.answers)  // Of the name itself, or of what it is an alias of.
        }
        return hosts
    }

    private static func ask(
        _ name: String, _ type: UInt16, _ server: SocketAddress?
    ) async throws(UVError) -> DNSMessage {
        let bytes = try await NameResolver.answer(to: name, type: type, from: server)
        do throws(DNSError) { return try DNSMessage(bytes) } catch {
            throw UVError(code: UVError.nameServerFailed, call: "read the answer about \(name)")
        }
    }

    private static func addresses(of name: DNSName?, in records: [DNSRecord]) -> [String] {
        records.compactMap { record in
            guard name == nil || record.name == name else { return nil }
            return switch record.content {
            case .address(let bytes), .address6(let bytes): MemberAddress(bytes: bytes, port: 0)?.host
            case .pointer, .text, .service, .other: nil
            }
        }
    }
}
