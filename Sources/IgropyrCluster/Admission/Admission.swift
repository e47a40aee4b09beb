internal import FoundationEssentials
public import IgropyrMembership
internal import IgropyrOrchestration
public import IgropyrUV
internal import Logging

/// How a host without the cluster's key comes by it: a member gives it to who has a ``JoinToken``.
public enum Admission {
    /// The key file in a node's data folder, which is there once the node was let in, or its cluster's key has changed.
    public static func keyFile(inDataFolder path: String) -> String? {
        let file = "\(path)/\(KeyringFile.keyName)"
        return (try? FileSystem.status(of: file)) == nil ? nil : file
    }

    /// Asks the nodes to which the membership's seeds, services and discovery lead, and writes what the first one gives
    /// to the data folder. As long as there is nobody who answers, looks them up anew after each `pause`, and says so
    /// to the log.
    /// - Returns: the path of the key file.
    /// - Throws: ``ControlError``: `.wrongKey` if the token has expired, or the nodes do not take it, `.local` for the
    ///   folder; `MembershipError` if nothing can lead to a member; `CancellationError`.
    public static func keyFile(
        by token: JoinToken, askingBy membership: MembershipConfiguration, inDataFolder path: String,
        pause: Duration = .seconds(1), on loop: EventLoop
    ) async throws -> String {
        while true {
            guard token.expires > .now else { throw expiry(of: token) }
            do {
                let members = try await MemberLookup.addresses(membership, on: loop)
                let nodes = members.compactMap(NodeConfiguration.controlAddress(besideGossipAt:))
                return try await keyFile(by: token, from: nodes, inDataFolder: path, on: loop)
            } catch let error as MembershipError where error.code == .system {
                sayWaiting(membership.logger, "\(error)")
            } catch let error as ControlError where error.code == .unreachable {
                sayWaiting(membership.logger, "\(error)")
            }
            try await Task.sleep(for: pause)
        }
    }

    private static func sayWaiting(_ logger: Logger, _ reason: String) {
        logger.warning("waiting to be let in", metadata: ["reason": "\(reason)"])
    }

    /// Asks the nodes, by the addresses of their control API, one after the other, and writes what the first one gives
    /// to the data folder. Goes on past addresses where something else answers.
    /// - Returns: the path of the key file.
    /// - Throws: `.wrongKey` if a node does not take the token and no other does, `.unreachable` if none answers,
    ///   `.local` for the folder.
    static func keyFile(
        by token: JoinToken, from nodes: [SocketAddress], inDataFolder path: String, on loop: EventLoop
    ) async throws(ControlError) -> String {
        let client = try ControlClient(on: loop, token: token)
        let keys: [ClusterKey]
        do throws(ControlError) {
            keys = try await ask(nodes, by: client)
        } catch {
            await client.close()
            throw error.code == .wrongKey ? refusal(of: token) : error
        }
        await client.close()
        do {
            return try await loop.offload {
                let folder = try DataFolder(at: path)
                defer { folder.release() }
                try KeyringFile(base: keys[0], keys: keys).write(to: folder)
                return "\(folder.path)/\(KeyringFile.keyName)"
            }
        } catch { throw ControlError(.local, "\(error)") }
    }

    private static func ask(
        _ nodes: [SocketAddress], by client: ControlClient
    ) async throws(ControlError) -> [ClusterKey] {
        var failures = [ControlError(.unreachable, "there is nobody to ask")]
        for node in nodes {
            do throws(ControlError) {
                let keys = try await client.admission(by: node).keys.compactMap(ClusterKey.init(base64:))
                guard !keys.isEmpty else {
                    throw ControlError(.unexpectedAnswer, "the node at \(node) gave no key")
                }
                return keys
            } catch {
                guard error.code != .cancelled else { throw error }
                failures.append(error)
            }
        }
        throw failures.first { $0.code == .wrongKey } ?? failures.last { $0.code == .unreachable }!
    }

    private static func expiry(of token: JoinToken) -> ControlError {
        let time = Date(timeIntervalSince1970: Double(token.expires.milliseconds) / 1000)
        return ControlError(
            .wrongKey,
            "the token has expired (\(time.formatted(.iso8601)); this host's clock says \(Date().formatted(.iso8601))): set that "
                + "right, or make a new one on a member, by igropyr token")
    }

    private static func refusal(of token: JoinToken) -> ControlError {
        ControlError(
            .wrongKey,
            "the token is not taken: it has expired by the cluster's clock, the cluster's key has changed since it was made, "
                + "or it is another cluster's. Make a new one on a member: igropyr token")
    }
}

/// The answer to `POST /v1/admission`: the cluster's keys in Base64, the one in use first.
struct AdmissionAnswer: Codable, Sendable {
    var version = ControlAPI.version
    var keys: [String]
}
