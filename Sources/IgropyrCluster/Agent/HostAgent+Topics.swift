internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// How workers of an application talk to each other, by their nodes.
extension HostAgent {
    /// Where workers that outlived an agent before this one ask, if that can be had.
    func openTopics(_ folder: DataFolder) async throws(NodeError) -> TopicServer {
        let hub = try makeTopicHub()
        do throws(UVError) {
            var address = await loop.offload { TopicAddress.read(from: folder) } ?? TopicAddress()
            let listener = try makeTopicListener(at: address)
            if address.port != listener.localAddress.port {
                address.port = listener.localAddress.port
                await save(address, in: folder)
            }
            return try TopicServer(listener: listener, address: address, hub: hub)
        } catch {
            await hub.stop()
            throw .system("cannot listen for workers' messages on 127.0.0.1: \(error)")
        }
    }

    private func makeTopicHub() throws(NodeError) -> TopicHub {
        do {
            let client = try ControlClient(
                on: loop, key: keys.present.first, zone: configuration.member.zone,
                connectionsPerServer: StateLimits.applications)
            return TopicHub(client: client, logger: configuration.logger, on: loop)
        } catch { throw .system(error.description) }
    }

    private func makeTopicListener(at address: TopicAddress) throws(UVError) -> TCPListener {
        if let descriptor = configuration.handover.descriptors["topics"] {
            return try TCPListener(on: loop, owning: descriptor)
        }
        if address.port != 0 {
            if let listener = try? TCPListener(on: loop, binding: .loopback(port: address.port)) { return listener }
            configuration.logger.warning(
                "workers that have outlived their node hear no messages until they are restarted: their port is taken",
                metadata: ["port": "\(address.port)"])
        }
        return try TCPListener(on: loop, binding: .loopback(port: 0))
    }

    func save(_ address: TopicAddress, in folder: DataFolder) async {
        do {
            try await loop.offload { try address.write(to: folder) }
        } catch {
            configuration.logger.warning(
                "cannot write topics.json: workers that outlive the node would hear no messages",
                metadata: ["reason": "\(error)"])
        }
    }
}
