internal import IgropyrText

/// What an operator may ask of the keyring, from any member, for all.
enum KeyCommand: String {
    case install = "_serf_install-key"
    case use = "_serf_use-key"
    case remove = "_serf_remove-key"
    case list = "_serf_list-keys"

    init?(_ queryName: String) { self.init(rawValue: queryName) }
}

/// Queries between members that the application does not see.
extension Gossip {
    /// Nil: no answer. Of `_serf_ping` only the ack counts; unknown ones are passed on and no more.
    mutating func internalAnswer(to query: QueryMessage, keyRequest: KeyRequest?) -> [UInt8]? {
        if let command = KeyCommand(query.name), let keyRequest {
            return carryOut(command, keyRequest.key).encoded
        }
        guard query.name == "_serf_conflict" else { return nil }
        let subject = String(decoding: query.payload ?? [], as: UTF8.self)
        return isOurselves(subject) ? nil : ConflictResponse.encode(serfMembers[subject])
    }

    private mutating func carryOut(_ command: KeyCommand, _ key: [UInt8]) -> KeyResponse {
        guard !envelope.keyring.isEmpty else {
            return KeyResponse(isSuccess: false, message: "No keyring to change: encryption is not enabled")
        }
        let before = envelope.keyring.keys
        do throws(Keyring.ChangeError) {
            switch command {
            case .install: try envelope.keyring.install(key)
            case .use: try envelope.keyring.use(key)
            case .remove: try envelope.keyring.remove(key)
            case .list: return keyList
            }
        } catch {
            return KeyResponse(isSuccess: false, message: error.description)
        }
        if envelope.keyring.keys != before { directives.append(.keysChanged(envelope.keyring.keys)) }
        return KeyResponse()
    }

    /// 16 keys of 32 bytes: 740 bytes, so that it always fits an answer.
    private var keyList: KeyResponse {
        let keys = envelope.keyring.keys.map(Base64.text)
        return KeyResponse(keys: keys, primaryKey: keys.first ?? "")
    }
}

extension KeyResponse {
    fileprivate init(isSuccess: Bool, message: String) {
        self.isSuccess = isSuccess
        self.message = message
    }

    fileprivate init(keys: [String], primaryKey: String) {
        self.keys = keys
        self.primaryKey = primaryKey
    }
}

extension Keyring.ChangeError {
    fileprivate var description: String {
        switch self {
        case .badLength: "The key is not 16, 24 or 32 bytes long"
        case .unknown: "The key is not installed"
        case .isPrimary: "The primary key cannot be removed"
        case .full: "The keyring is full"
        }
    }
}
