extension UVError {
    /// Why an address cannot be listened on and what to do about it, to follow the address.
    public func listeningAdvice(at address: SocketAddress) -> String {
        switch code {
        case Self.addressInUse: "another program has this port: stop it or choose another port"
        case Self.accessDenied: "ports below 1024 need rights that this process lacks: choose a higher one"
        case Self.addressNotAvailable: "this machine has no such address: choose one that 'ip address' shows"
        case Self.invalidArgument where address.lacksZone: address.zoneAdvice
        default: reason
        }
    }
}
