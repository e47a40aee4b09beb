internal import IgropyrGossip
internal import IgropyrTime

/// A TCP connection that both sides keep open: it carries nothing, but its end is told by a kernel that still runs.
struct SimulatedLink {
    struct End: Hashable {
        let host: Int
        let life: UInt32
        let id: StreamID
    }

    let ends: [End]

    func other(than end: End) -> End { ends[0] == end ? ends[1] : ends[0] }
}

extension Simulation {
    /// Ends the process alone: its host's kernel closes its connections and refuses new ones.
    public func killProcess(_ index: Int) {
        endLinks(of: index)
        hosts[index].isRunning = false
    }

    /// After the exchange that opens it.
    func open(_ client: SimulatedLink.End, _ server: SimulatedLink.End?) {
        guard let server else { return tellEnd(to: client, from: nil) }  // It closed, as agents do.
        let link = SimulatedLink(ends: [client, server])
        for end in link.ends { links[end] = link }
    }

    /// The core has closed it.
    func closeLink(_ id: StreamID, at index: Int) {
        end(SimulatedLink.End(host: index, life: hosts[index].life, id: id))
    }

    func endLinks(of index: Int) {
        let ends = links.keys.filter { $0.host == index && $0.life == hosts[index].life }
        for end in ends.sorted(by: { $0.id.order < $1.id.order }) { self.end(end) }
    }

    private func end(_ end: SimulatedLink.End) {
        guard let other = links.removeValue(forKey: end)?.other(than: end) else { return }
        links[other] = nil
        tellEnd(to: other, from: end.host)
    }

    /// One FIN; if it is lost, the end is not told, and the failure detector must find out.
    func tellEnd(to end: SimulatedLink.End, from source: Int?) {
        if let source, !isReachable(source, end.host) || random.hits(network.loss) { return }
        events.add(.linkEnd(end), at: now.advanced(by: random.duration(in: network.delay)))
    }

    func handleLinkEnd(_ end: SimulatedLink.End) {
        let host = hosts[end.host]
        guard host.life == end.life, host.isRunning else { return }
        record(UInt64(end.host) << 8 | 5)
        carryOut(hosts[end.host].gossip.handleLinkClosed(end.id, at: host.localTime(at: now)), of: end.host)
        rearm(end.host)
    }
}
