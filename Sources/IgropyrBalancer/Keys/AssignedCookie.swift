import IgropyrHTTP
import IgropyrHashing
import IgropyrOrchestration
import IgropyrText

/// A cookie for a client that has none, so that its next requests go where this one goes.
///
/// Its value is random and means nothing: any balancer sends it to the same worker as the others do.
struct AssignedCookie: Hashable {
    let name: String
    /// 32 hexadecimal digits.
    let value: String

    /// The request's hash, in place of ``HashKey/hash(_:_:source:)``.
    var hash: UInt64 { XXH64.hash(value) }

    /// The value of `Set-Cookie` (RFC 6265 §4.1) that the response must have: for the session, for the whole site, out
    /// of scripts' reach, and only over HTTPS where the request came so.
    func setCookie(isEncrypted: Bool) -> String {
        "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax" + (isEncrypted ? "; Secure" : "")
    }
}

extension HashKey {
    /// The cookie to set; nil if the key sets none, or the client has one that is not empty.
    func newCookie(
        _ head: MessageHead, _ bytes: RawSpan, using generator: inout some RandomNumberGenerator
    ) -> AssignedCookie? {
        guard case .assignedCookie(let name) = self, head.cookie(name, in: bytes)?.isEmpty ?? true else { return nil }
        return AssignedCookie(name: name, value: Hexadecimal.text(UInt128.random(in: .min ... .max, using: &generator)))
    }
}
