import IgropyrConfiguration
public import IgropyrTransport
public import IgropyrUV

extension BalancerConfiguration {
    /// The rules, with names of hosts resolved, and the authorities of workers read.
    /// - Throws: ``UnresolvedAddress``, which says of whom; `TLSError`, which names the file.
    public func rules(on loop: EventLoop) async throws -> TrafficRules {
        var rules = TrafficRules()
        rules.routes = routes
        rules.defaultApplication = defaultApplication
        for (name, application) in applications {
            var serverNames: [SocketAddress: String] = [:]
            if let upstreams = application.upstreams {
                var workers: [TrafficRules.FixedWorker] = []
                for upstream in upstreams {
                    let address = try await upstream.address.resolved()
                    workers.append(.init(address, weight: upstream.weight))
                    serverNames[address] = upstream.address.host
                }
                rules.fixedWorkers[name] = workers
            }
            let (connection, names) = (application.connection, serverNames)
            var settings = application.settings
            settings.connections = try await loop.offload { () throws(TLSError) in
                try connection.kind(serverNames: names)
            }
            rules.settings[name] = settings
        }
        return rules
    }

    /// Reads the certificates, keys and authorities that it names, and keeps none; sees whether the access log can be
    /// written. Blocks meanwhile. Calls `onWarning` for what certificates can be used in spite of.
    /// - Throws: `TLSError` or ``InsightFailure``: what is wrong with one of them, by the file's name.
    public func checkFiles(onWarning: (TLSWarning) -> Void) throws {
        for tls in listeners.compactMap(\.tls) { try TLSContext.server(tls).warnings.forEach(onWarning) }
        for application in applications.sorted(by: { $0.key < $1.key }).map(\.value) {
            _ = try application.connection.kind()
        }
        guard let accessLog, case .file(let path) = accessLog.destination else { return }
        do throws(UVError) { try LogFile.checkAppending(to: path) } catch { throw InsightFailure(accessLog, error) }
    }

    /// The listeners, with names of hosts resolved.
    /// - Throws: which of them has no address.
    public func resolvedListeners() async throws(UnresolvedAddress) -> [BalancerListener] {
        var result: [BalancerListener] = []
        for listener in listeners {
            var open = BalancerListener(.address(try await listener.address.resolved()))
            open.allowsHTTP2 = listener.allowsHTTP2
            open.redirectsToHTTPSPort = listener.redirectsToHTTPSPort
            if !listener.proxyProtocolPeers.isEmpty {
                open.proxyProtocol = .required(from: listener.proxyProtocolPeers)
            }
            open.tls = listener.tls
            result.append(open)
        }
        return result
    }
}

/// A host of a configuration file of which no address is known.
public struct UnresolvedAddress: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
}

extension NetworkAddress {
    fileprivate func resolved() async throws(UnresolvedAddress) -> SocketAddress {
        do throws(UnusableEndpoint) {
            return try await NameResolver.usableAddress(of: Endpoint(host: host, port: port))
        } catch { throw UnresolvedAddress(description: "\(self): \(error)") }
    }
}
