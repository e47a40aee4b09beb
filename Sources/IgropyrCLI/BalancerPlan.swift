import Foundation
import Igropyr
import IgropyrBalancer
import IgropyrConfiguration
import IgropyrTransport
import IgropyrUV

extension BalancerConfiguration {
    /// The rules, with names of hosts resolved.
    func rules(on loop: EventLoop) async throws -> TrafficRules {
        var rules = TrafficRules()
        rules.routes = routes
        rules.defaultApplication = defaultApplication
        for (name, application) in applications {
            rules.settings[name] = application.settings
            guard let upstreams = application.upstreams else { continue }
            var workers: [TrafficRules.FixedWorker] = []
            for upstream in upstreams {
                let address = try await upstream.address.resolved(on: loop)
                workers.append(.init(address, weight: upstream.weight))
            }
            rules.fixedWorkers[name] = workers
        }
        return rules
    }

    func openListeners(on loop: EventLoop) async throws -> [BalancerListener] {
        var result: [BalancerListener] = []
        for listener in listeners {
            var open = BalancerListener(.address(try await listener.address.resolved(on: loop)))
            open.allowsHTTP2 = listener.allowsHTTP2
            open.redirectsToHTTPSPort = listener.redirectsToHTTPSPort
            if !listener.proxyProtocolPeers.isEmpty {
                open.proxyProtocol = .required(from: listener.proxyProtocolPeers)
            }
            if let tls = listener.tls {
                var configuration = TLSConfiguration(
                    certificates: tls.certificates.map { .init(chainFile: $0.chainFile, keyFile: $0.keyFile) })
                if let file = tls.clientAuthorityFile { configuration.clientCertificates = .required(caFile: file) }
                open.tls = configuration
            }
            result.append(open)
        }
        return result
    }

    var accessLogSettings: Igropyr.AccessLog? {
        guard let accessLog else { return nil }
        let format: Igropyr.AccessLog.Format =
            switch accessLog.format {
            case .common: .common
            case .combined: .combined
            case .json: .json
            }
        return Igropyr.AccessLog(format, to: accessLog.file.map { .file($0) } ?? .standardOutput)
    }
}

extension NetworkAddress {
    fileprivate func resolved(on loop: EventLoop) async throws -> SocketAddress {
        do throws(UVError) {
            if let first = try await NameResolver.addresses(of: Endpoint(host: host, port: port), on: loop).first {
                return first
            }
        } catch {
            throw CommandFailure("\(self): \(error.reason); give an address, or a name that the resolver knows.")
        }
        throw CommandFailure("\(self): the name has no address.")
    }
}

extension [BalancerListener] {
    /// Takes sockets that were handed over in place of opening them: each where its address is listened on; all, if there is
    /// one listener, which then need not know its address.
    func taking(_ inherited: [Int32]) -> [BalancerListener] {
        guard !inherited.isEmpty else { return self }
        var listeners = self
        if count == 1 {
            listeners[0].source = .inherited(inherited)
            return listeners
        }
        for index in indices {
            guard case .address(let address) = self[index].source else { continue }
            let own = inherited.filter { ListeningSocket.localAddress(of: $0) == address }
            if !own.isEmpty { listeners[index].source = .inherited(own) }
        }
        return listeners
    }
}
