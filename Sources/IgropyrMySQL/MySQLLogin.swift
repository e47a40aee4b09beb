internal import IgropyrDatabase
internal import IgropyrUV

/// What libmariadb is told to connect by, to live until it has.
final class MySQLLogin {
    /// At first an address: libmariadb would look a name up itself, and block.
    let host: CText?
    let path: CText?
    let port: UInt32
    let user: CText
    let password: CText
    let database: CText?
    private let name: String

    init(_ target: MySQLTarget, at place: ServerName.Place) {
        user = CText(target.user)
        password = CText(target.password)
        database = target.database.map { CText($0) }
        name = if case .endpoint(let endpoint) = target.server { endpoint.host } else { "" }
        switch place {
        case .address(let address):
            host = CText(address.hostText, room: name.utf8.count)
            (path, port) = (nil, UInt32(address.port))
        case .path(let text): (host, path, port) = (nil, CText(text), 0)
        }
    }

    /// Has libmariadb verify the server by its name. It has read the address before it waits for the connection, and
    /// reads this once more when that is made; had it not, the address would be verified, and the server refused.
    func nameHost() { host?.replace(with: name) }
}
