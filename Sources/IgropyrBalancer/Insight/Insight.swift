import IgropyrInsight
import IgropyrUV

/// What all loops of a balancer have in common to tell of their requests: the access log, and the admin's thread.
struct Insight {
    let accessLog: AccessLogWriter?
    let admin: AdminServer?
    let adminAddress: SocketAddress?

    /// Opens the log and the admin's address.
    init(_ settings: InsightSettings, isSuccessor: Bool) async throws(InsightFailure) {
        accessLog = try settings.accessLog.map { log throws(InsightFailure) in
            do throws(UVError) {
                return try AccessLogWriter(log, logger: settings.logger)
            } catch {
                throw InsightFailure(log, error)
            }
        }
        guard let address = settings.admin else {
            (admin, adminAddress) = (nil, nil)
            return
        }
        do throws(UVError) {
            let server = try AdminServer()
            admin = server
            do throws(UVError) {
                adminAddress = try await server.listen(on: address, isShared: isSuccessor)
            } catch {
                try? await server.stop()
                throw error
            }
        } catch {
            await accessLog?.stop()
            throw InsightFailure(
                "the admin address \(address) cannot be listened on: \(error.listeningAdvice(at: address))")
        }
    }

    func stop() async {
        await accessLog?.stop()
        try? await admin?.stop()  // Its thread has nothing open any more.
    }
}
