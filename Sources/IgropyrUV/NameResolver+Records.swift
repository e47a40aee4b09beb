internal import CLinux
internal import Glibc

/// What the DNS has to say beyond addresses, by the system's resolver, on threads as those for addresses.
extension NameResolver {
    private struct Question: Hashable {
        let name: String
        let type: UInt16
        let server: SocketAddress?
    }

    private static let limitBytes = 65_535
    private static let classIN: Int32 = 1
    private static let records = Lookups<Question, [UInt8]>(threads: threadLimit, queue: queueLimit) { question in
        Result { () throws(UVError) in try ask(question.name, question.type, question.server) }
    }

    /// The whole answer to a question about records of `type`, as it came from the name server that `/etc/resolv.conf`
    /// names, or from `server`, an IPv4 one. The name is not completed by search domains.
    /// - Throws: `UV_EAI_NONAME`, `UV_EAI_NODATA`, `UV_EAI_AGAIN` and the like, with a reason in words; as
    ///   ``addresses(of:within:)`` if that takes too long.
    public static func answer(
        to name: String, type: UInt16, from server: SocketAddress?, within time: Duration = patience
    ) async throws(UVError) -> [UInt8] {
        try await records.answer(
            to: Question(name: name, type: type, server: server), within: time, call: "look up \(name)")
    }

    private static func ask(_ name: String, _ type: UInt16, _ server: SocketAddress?) throws(UVError) -> [UInt8] {
        let call = "look up \(name)"
        var state = unsafe igropyr_res_state()
        guard unsafe igropyr_res_ninit(&state) == 0 else { throw UVError(code: UVError.nameServerFailed, call: call) }
        defer { unsafe igropyr_res_nclose(&state) }
        if let server {
            let isSet = unsafe server.withSockaddr { address, length in
                unsafe Int(length) == MemoryLayout<sockaddr_in>.size
                    && igropyr_res_set_server(
                        &state, UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in.self)) == 0
            }
            guard isSet else { throw UVError(code: UVError.invalidArgument, call: "ask a name server other than IPv4") }
        }
        var answer = [UInt8](repeating: 0, count: limitBytes)
        let count = unsafe answer.withUnsafeMutableBufferPointer {
            unsafe Int(igropyr_res_nquery(&state, name, classIN, Int32(type), $0.baseAddress, Int32($0.count)))
        }
        guard count >= 0 else { throw unsafe UVError(code: code(igropyr_res_error(&state)), call: call) }
        return Array(answer.prefix(count))
    }

    /// Of the resolver's own numbers (`<netdb.h>`).
    private static func code(_ number: Int32) -> Int32 {
        switch number {
        case HOST_NOT_FOUND: UVError.unknownName
        case TRY_AGAIN: UVError.nameServerBusy
        case NO_DATA: UVError.nameWithoutData
        default: UVError.nameServerFailed
        }
    }
}
