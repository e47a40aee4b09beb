internal import CMariaDB
internal import Glibc
internal import IgropyrDatabase

/// A statement that a server has prepared; its ``MySQLContext`` owns it.
@safe
final class MySQLStatement {
    let raw: UnsafeMutablePointer<MYSQL_STMT>

    fileprivate init(_ raw: UnsafeMutablePointer<MYSQL_STMT>) { unsafe self.raw = raw }

    var parameterCount: Int { unsafe Int(mysql_stmt_param_count(raw)) }
    /// 0 if it gives no rows.
    var columnCount: Int { unsafe Int(mysql_stmt_field_count(raw)) }
}

/// One of libmariadb's handles, and the statements of it; ``close()`` is to be called at last.
///
/// Its calls that do not block run on a stack of their own, from which each returns when it is done or is to wait. One
/// that waits is to be gone on with, or its memory leaks: ``close()`` does so with the last.
@safe
final class MySQLContext {
    /// The calls' stack. libmariadb's own measure is 60 KiB, in which OpenSSL's handshake has room, too, but not much.
    private static let stackBytes = 256 << 10
    /// What a row has beside its values, and what is no row.
    private static let packetBytesBesideRow = 64 << 10
    private static let isInitialized = mysql_server_init(0, nil, nil) == 0

    let raw: UnsafeMutablePointer<MYSQL>
    private let limitBytes: Int
    private var statements: [MySQLStatement] = []
    /// Of SQL that is not prepared.
    private var result: UnsafeMutablePointer<MYSQL_RES>?
    /// The socket, by a number of our own, that stays when libmariadb closes its one; -1 before there is one.
    private(set) var descriptor: Int32 = -1
    private(set) var isConnected = false
    /// Goes on with the call that waits, as libmariadb's `_cont` functions do.
    var unfinished: ((Int32) -> Int32)?

    /// Rows of more than `limitBytes` are refused, and in any case those of more than 1 GiB.
    init(_ target: MySQLTarget, limitBytes: Int) throws(MySQLError) {
        guard Self.isInitialized, let raw = unsafe mysql_init(nil) else { throw .cannotConnect("out of memory") }
        unsafe self.raw = unsafe raw
        self.limitBytes = limitBytes
        do throws(MySQLError) {
            try set(MYSQL_OPT_NONBLOCK, to: Self.stackBytes)
            try set(MYSQL_OPT_MAX_ALLOWED_PACKET, to: min(limitBytes, 1 << 30) + Self.packetBytesBesideRow)
            try set(MYSQL_OPT_LOCAL_INFILE, to: UInt32(0))  // A server may ask for any file.
            try set(MYSQL_SET_CHARSET_NAME, to: "utf8mb4")
            try set(MARIADB_OPT_RESTRICTED_AUTH, to: target.plugins)
            try protect(target)
        } catch {
            unsafe mysql_close(raw)
            throw error
        }
    }

    private func protect(_ target: MySQLTarget) throws(MySQLError) {
        guard target.tls != .disabled else { return }
        try set(MYSQL_OPT_SSL_ENFORCE, to: my_bool(1))  // In spite of its name: if the server has it.
        try set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, to: my_bool(target.tls == .verified ? 1 : 0))
        if let file = target.files["ssl-ca"] { try set(MYSQL_OPT_SSL_CA, to: file) }
        if let file = target.files["ssl-cert"] { try set(MYSQL_OPT_SSL_CERT, to: file) }
        if let file = target.files["ssl-key"] { try set(MYSQL_OPT_SSL_KEY, to: file) }
    }

    private func set(_ option: mysql_option, to number: some BitwiseCopyable) throws(MySQLError) {
        let result = unsafe withUnsafePointer(to: number) { unsafe mysql_options(raw, option, $0) }
        guard result == 0 else { throw .cannotConnect("libmariadb refuses option \(option.rawValue)") }
    }

    private func set(_ option: mysql_option, to text: String) throws(MySQLError) {
        guard unsafe mysql_options(raw, option, text) == 0 else {
            throw .cannotConnect("libmariadb refuses option \(option.rawValue)")
        }
    }

    /// To be called once. What a call was given must live until then.
    func close() {
        if let unfinished {
            shutDown()
            while unfinished(MYSQL_WAIT_TIMEOUT) != 0 {}  // Ends, since nothing more comes.
        }
        unfinished = nil
        freeResult()
        unsafe mysql_close(raw)
        freeStatements()
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Has both sides see the end, and whoever waits for the other; the descriptors stay.
    func shutDown() {
        if descriptor >= 0 { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    // MARK: Connecting

    /// Begins to connect.
    /// - Returns: what is to be waited for; 0 if that is done, or failed.
    func startConnecting(_ login: MySQLLogin) -> Int32 {
        var result: UnsafeMutablePointer<MYSQL>?
        let wanted = unsafe mysql_real_connect_start(
            &result, raw, login.host?.pointer, login.user.pointer, login.password.pointer, login.database?.pointer,
            login.port, login.path?.pointer, UInt(CLIENT_MULTI_STATEMENTS))
        login.nameHost()
        return didConnect(wanted, unsafe result != nil)
    }

    /// Goes on, when that has happened.
    func proceedConnecting(_ events: Int32) -> Int32 {
        var result: UnsafeMutablePointer<MYSQL>?
        let wanted = unsafe mysql_real_connect_cont(&result, raw, events)
        return didConnect(wanted, unsafe result != nil)
    }

    private func didConnect(_ wanted: Int32, _ isDone: Bool) -> Int32 {
        isConnected = wanted == 0 && isDone
        if descriptor < 0 { takeDescriptor() }
        return wanted
    }

    private func takeDescriptor() {
        let theirs = unsafe mysql_get_socket(raw)
        guard theirs >= 0 else { return }
        _ = fcntl(theirs, F_SETFD, FD_CLOEXEC)  // Child processes are not to have it.
        descriptor = fcntl(theirs, F_DUPFD_CLOEXEC, 0)
    }

    // MARK: Statements

    func makeStatement() throws(MySQLError) -> MySQLStatement {
        guard let raw = unsafe mysql_stmt_init(raw) else { throw .connectionLost("out of memory") }
        let statement = unsafe MySQLStatement(raw)
        statements.append(statement)
        return statement
    }

    /// The caller is to close it.
    func giveUp(_ statement: MySQLStatement) { statements.removeAll { $0 === statement } }

    /// To be called when the server has forgotten them: says nothing to it.
    func freeStatements() {
        for statement in statements { unsafe mysql_stmt_close(statement.raw) }
        statements = []
    }

    /// The result that comes next, of which each row is to be fetched; nil if there is none.
    func useResult() -> UnsafeMutablePointer<MYSQL_RES>? {
        unsafe result = unsafe mysql_use_result(raw)
        return unsafe result
    }

    func freeResult() {
        unsafe result?.pointee.handle = nil  // libmariadb would wait for rows that nobody has fetched.
        unsafe mysql_free_result(result)
        unsafe result = nil
    }

    // MARK: What the server says

    /// The flags of `SERVER_STATUS_…`, as the server last told them.
    var status: UInt32 { unsafe raw.pointee.server_status }

    /// libmariadb's last error, by its code; 0 without one.
    func lastError(of statement: MySQLStatement? = nil) -> MySQLServerError {
        if let statement, unsafe mysql_stmt_errno(statement.raw) != 0 {
            return unsafe MySQLServerError(
                code: Int(mysql_stmt_errno(statement.raw)),
                sqlState: String(cString: mysql_stmt_sqlstate(statement.raw)),
                message: String(cString: mysql_stmt_error(statement.raw)))
        }
        return unsafe MySQLServerError(
            code: Int(mysql_errno(raw)), sqlState: String(cString: mysql_sqlstate(raw)),
            message: String(cString: mysql_error(raw)))
    }

    /// The same, as what became of a statement. All but `.server` are of the connection.
    func failure(of statement: MySQLStatement? = nil) -> MySQLError {
        let error = lastError(of: statement)
        // So libmariadb marks a packet that is too large; its code is that of a connection that was lost.
        if error.code == Int(CR_SERVER_LOST), unsafe raw.pointee.net.error == 1 {
            return .resultTooLarge(limit: limitBytes)
        }
        return error.isOfClient || error.isFatal ? .connectionLost(error.message) : .server(error)
    }

    /// Why no connection could be made; `.connectionLost` if another address may do.
    var connectFailure: MySQLError {
        let error = lastError()
        return error.isOfClient ? .connectionLost(error.message) : error.connectFailure
    }
}

extension MySQLServerError {
    /// Whether libmariadb says it, and no server.
    fileprivate var isOfClient: Bool {
        code < 1000 || (CR_MIN_ERROR...CR_MAX_ERROR).contains(Int32(code)) || (5000...5999).contains(code)
    }
}
