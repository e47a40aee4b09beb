internal import CPostgreSQL
internal import IgropyrDatabase
internal import IgropyrUV

/// Where a database is and as whom it is asked: libpq's connection parameters.
struct PostgresTarget: Sendable {
    private var parameters: [String: String]

    /// Reads what libpq reads: `postgres://user@host/database?sslmode=verify-full`, or `host=… dbname=…`.
    /// - Throws: `.cannotConnect` with libpq's reason if it is neither, without what this quotes of a text that has a
    ///   password.
    init(_ connectionString: String) throws(PostgresError) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(connectionString, &message) else {
            defer { unsafe PQfreemem(message) }
            let reason = unsafe message.map { unsafe String(cString: $0) } ?? "out of memory"
            guard Self.mayHavePassword(connectionString) else { throw .cannotConnect(reason.trimmed) }
            throw .cannotConnect(reason.trimmed.withoutQuotation + Self.advice)
        }
        parameters = unsafe Self.values(of: options)
        guard Self.isPlausible(parameters) else { throw .cannotConnect("it has no such host or port" + Self.advice) }
        // Kerberos is asked without a way not to block.
        if parameters["gssencmode"] == nil { parameters["gssencmode"] = "disable" }
        if parameters["client_encoding"] == nil { parameters["client_encoding"] = "UTF8" }
        // Who listens says nothing himself, and would not learn that the server's host is gone.
        for (name, value) in [("keepalives_idle", "60"), ("keepalives_interval", "10"), ("keepalives_count", "3")]
        where parameters[name] == nil { parameters[name] = value }
        guard parameters["host"] == nil, parameters["hostaddr"] == nil else { return }
        guard let defaults = unsafe PQconndefaults() else { return }
        parameters["host"] = unsafe Self.values(of: defaults)["host"]
    }

    private static let advice = " (in a URL special characters of a password are written as %40 and the like)"

    private static func mayHavePassword(_ text: String) -> Bool {
        if text.contains("password") { return true }
        guard let start = text.firstRange(of: "://")?.upperBound else { return false }
        return text[start...].lastIndex(of: "@").map { text[start..<$0].contains(":") } ?? false
    }

    /// False for what a password becomes a part of when its `@` or `/` was left as it is: errors would tell it.
    private static func isPlausible(_ parameters: [String: String]) -> Bool {
        let isHost = (parameters["host"] ?? "").split(separator: ",").allSatisfy {
            $0.hasPrefix("/") || !$0.dropFirst().contains("@")
        }
        return isHost && (parameters["port"] ?? "").allSatisfy { $0 == "," || ("0"..."9").contains($0) }
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

    /// The parameters for each address of each host, in their order. libpq would look names up itself, and block; and
    /// it would wait for ever for the first that is silent. Only where the order is its own does it get all at once. Of
    /// the time each name has its share.
    func resolved(within time: Duration) async throws(PostgresError) -> [[String: String]] {
        guard parameters["hostaddr"] == nil, let list = parameters["host"] else { return [parameters] }
        let hosts = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let ports = (parameters["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var (names, addresses, portsOfAddresses): ([String], [String], [String]) = ([], [], [])
        var unknown: PostgresError?
        for (index, host) in hosts.enumerated() {
            let found: [String]
            do throws(PostgresError) { found = try await Self.addresses(of: host, within: time / hosts.count) } catch {
                unknown = error  // Another one may be known.
                continue
            }
            for address in found {
                names.append(host)
                addresses.append(address)
                portsOfAddresses.append(ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : "")
            }
        }
        if let unknown, names.isEmpty { throw unknown }
        if hasOrderOfItsOwn {
            (names, addresses, portsOfAddresses) = (
                [names.joined(separator: ",")], [addresses.joined(separator: ",")],
                [portsOfAddresses.joined(separator: ",")]
            )
        }
        return names.indices.map { index in
            var resolved = parameters
            resolved["host"] = names[index]
            resolved["hostaddr"] = addresses[index]
            resolved["port"] = portsOfAddresses[index]
            return resolved
        }
    }

    private var hasOrderOfItsOwn: Bool {
        parameters["target_session_attrs"] == "prefer-standby" || parameters["load_balance_hosts"] == "random"
    }

    private static func addresses(of host: String, within time: Duration) async throws(PostgresError) -> [String] {
        if host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") { return [""] }  // A Unix socket.
        do throws(UVError) {
            return try await NameResolver.addresses(of: Endpoint(host: host, port: 0), within: time).map(\.hostText)
        } catch {
            throw .noName(error)
        }
    }
}

extension String {
    /// With dots for what stands between the first quote and the last.
    fileprivate var withoutQuotation: String {
        guard let start = firstIndex(of: "\""), let end = lastIndex(of: "\""), start < end else { return self }
        return self[...start] + "…" + self[end...]
    }

    /// libpq ends its messages with a line feed.
    var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
