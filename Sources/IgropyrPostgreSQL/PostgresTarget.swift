internal import CPostgreSQL
internal import IgropyrDatabase
internal import IgropyrUV

/// Where a database is and as whom it is asked: libpq's connection parameters.
struct PostgresTarget: Sendable {
    private var parameters: [String: String]

    /// Reads what libpq reads: `postgres://user@host/database?sslmode=verify-full`, or `host=… dbname=…`.
    /// - Throws: `.cannotConnect` with libpq's reason if it is neither.
    init(_ connectionString: String) throws(PostgresError) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(connectionString, &message) else {
            defer { unsafe PQfreemem(message) }
            let reason = unsafe message.map { unsafe String(cString: $0) } ?? "out of memory"
            throw .cannotConnect(reason.trimmed)
        }
        parameters = unsafe Self.values(of: options)
        // Kerberos is asked without a way not to block.
        if parameters["gssencmode"] == nil { parameters["gssencmode"] = "disable" }
        if parameters["client_encoding"] == nil { parameters["client_encoding"] = "UTF8" }
        guard parameters["host"] == nil, parameters["hostaddr"] == nil else { return }
        guard let defaults = unsafe PQconndefaults() else { return }
        parameters["host"] = unsafe Self.values(of: defaults)["host"]
    }

    /// Frees the options.
    private static func values(of options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        defer { unsafe PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe values[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return values
    }

    /// The parameters with every host's addresses: libpq would look names up itself, and block.
    func resolved(on loop: EventLoop) async throws(PostgresError) -> [String: String] {
        guard parameters["hostaddr"] == nil, let list = parameters["host"] else { return parameters }
        let hosts = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let ports = (parameters["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var (names, addresses, portsOfAddresses): ([String], [String], [String]) = ([], [], [])
        for (index, host) in hosts.enumerated() {
            for address in try await Self.addresses(of: host, on: loop) {
                names.append(host)
                addresses.append(address)
                portsOfAddresses.append(ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : "")
            }
        }
        var resolved = parameters
        resolved["host"] = names.joined(separator: ",")
        resolved["hostaddr"] = addresses.joined(separator: ",")
        resolved["port"] = portsOfAddresses.joined(separator: ",")
        return resolved
    }

    private static func addresses(of host: String, on loop: EventLoop) async throws(PostgresError) -> [String] {
        if host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") { return [""] }  // A Unix socket.
        do throws(UVError) {
            return try await NameResolver.addresses(of: Endpoint(host: host, port: 0), on: loop).map(\.hostText)
        } catch {
            throw .cannotConnect("\(error)")
        }
    }
}

extension String {
    /// libpq ends its messages with a line feed.
    var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
