internal import IgropyrUV

extension [NetworkRule] {
    /// Whether all of the lists let the client in. One without an address is let in nowhere.
    func admit(_ client: SocketAddress?) -> Bool {
        allSatisfy { rule in
            guard let host = client?.host else { return false }
            return !rule.denied.contains(host) && (rule.allowed.isEmpty || rule.allowed.contains(host))
        }
    }
}
