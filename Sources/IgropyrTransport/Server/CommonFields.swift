internal import IgropyrHTTP
internal import IgropyrUV

/// The fields that the responses of one loop have in common: `Date` and, if it is given, `Server`. Written once a
/// second.
final class CommonFields {
    private let loop: EventLoop
    private let serverName: String?
    /// In tenths of a second.
    // Unchecked, since the runtime's check that nobody else uses them meanwhile shows in the profile of a request.
    private var readAt = Int64.min
    private var date = HTTPDate(seconds: 0)
    @safe @exclusivity(unchecked) private var fields = HTTPSerializer()

    init(on loop: EventLoop, serverName: String?) {
        self.loop = loop
        self.serverName = serverName
    }

    var now: HTTPDate {
        refresh()
        return date
    }

    /// Writes them as HTTP/1.1 does.
    /// - Throws: if the name of the server cannot be sent.
    func append(to output: inout HTTPSerializer) throws(HTTPSerializer.Failure) {
        refresh()
        if fields.count == 0 {
            var new = HTTPSerializer()
            new.appendDate(date)
            if let serverName { try new.appendField("Server", serverName) }
            fields = new
        }
        output.appendFields(of: fields)
    }

    private func refresh() {
        let tick = loop.now.nanoseconds / 100_000_000
        guard tick != readAt else { return }
        readAt = tick
        let seconds = EventLoop.secondsSince1970
        guard seconds != date.seconds else { return }
        date = HTTPDate(seconds: seconds)
        fields.removeAll()
    }
}
