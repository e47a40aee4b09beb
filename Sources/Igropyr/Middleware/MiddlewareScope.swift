internal import IgropyrUV

/// The middleware of an application or a group, which grows until a server starts.
final class MiddlewareScope: Sendable {
    private let list = Locked<[Layer]>([])

    /// The outermost first.
    var layers: [Layer] { list.withLock { $0 } }

    func add(_ layer: Layer) { list.withLock { $0.append(layer) } }
}
