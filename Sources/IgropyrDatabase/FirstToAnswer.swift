package import IgropyrTime
internal import IgropyrUV

/// Makes a connection to the first of a server's places that answers. Each is given its share of the time that is left,
/// so that one that is silent leaves some for the next. `attempt` is given the time by which it is to be done, and
/// throws `.connectionLost` or `.tooManyConnections` for the next to be tried.
/// - Throws: what else one of them threw, at once; else `.cannotConnect` or `.tooManyConnections` with what each of
///   them said.
package func connectToFirst<Place, Connection: PooledConnection>(
    of places: [Place], since start: Timestamp, within time: Duration,
    _ attempt: (Place, Timestamp) async throws(DatabaseError<Connection.ServerError>) -> Connection
) async throws(DatabaseError<Connection.ServerError>) -> Connection {
    var reasons: [String] = []
    var isFull = false
    for (index, place) in places.enumerated() {
        let now = EventLoop.preciseNow
        let left = max(.zero, now.duration(to: start.advanced(by: time)))
        let share = left / (places.count - index)
        do throws(DatabaseError<Connection.ServerError>) {
            return try await attempt(place, now.advanced(by: share))
        } catch .connectionLost(let reason) {
            reasons.append(reason)
        } catch .tooManyConnections(let reason) {
            reasons.append(reason)
            isFull = true
        } catch .timedOut {
            reasons.append("no answer within \(share.millisecondsRoundedUp) ms")
        }
    }
    let reason = reasons.isEmpty ? "its name has no address" : reasons.joined(separator: "; ")
    throw isFull ? .tooManyConnections(reason) : .cannotConnect(reason)
}
