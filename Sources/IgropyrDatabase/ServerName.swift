package import IgropyrTime
package import IgropyrUV

/// Where a server is, as people say it.
package enum ServerName: Sendable, Equatable {
    /// Where one attempt connects to.
    package enum Place: Sendable {
        case address(SocketAddress)
        case path(String)
    }

    case endpoint(Endpoint)
    /// A socket in the file system.
    case path(String)

    /// What `sun_path` holds.
    private static let pathLimitBytes = 107

    /// - Throws: if it is no path of a socket.
    package init(path: String) throws(DatabaseURLError) {
        guard path.hasPrefix("/"), !path.utf8.contains(0), path.utf8.count <= Self.pathLimitBytes else {
            throw DatabaseURLError("a socket's path begins with / and has \(Self.pathLimitBytes) bytes at most")
        }
        self = .path(path)
    }

    /// As ``connectToFirst(of:since:within:_:)``, of its addresses.
    package func connect<Connection: PooledConnection>(
        within time: Duration,
        _ attempt: (Place, Timestamp) async throws(DatabaseError<Connection.ServerError>) -> Connection
    ) async throws(DatabaseError<Connection.ServerError>) -> Connection {
        let start = EventLoop.preciseNow
        let places: [Place]
        do throws(UVError) { places = try await self.places(within: time) } catch { throw .noName(error) }
        return try await connectToFirst(of: places, since: start, within: time, attempt)
    }

    /// Every address of the server. The databases' libraries would look names up themselves, and block.
    private func places(within time: Duration) async throws(UVError) -> [Place] {
        switch self {
        case .path(let path): [.path(path)]
        case .endpoint(let endpoint): try await NameResolver.addresses(of: endpoint, within: time).map { .address($0) }
        }
    }
}

extension DatabaseError {
    /// Why the server's name has no address.
    package static func noName(_ error: UVError) -> DatabaseError {
        error.code == UVError.cancelled ? .cancelled : .cannotConnect("\(error)")
    }
}
