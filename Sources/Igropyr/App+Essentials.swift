internal import FoundationEssentials
internal import Logging
internal import Synchronization

extension App {
    /// What each request knows of its application; one for all loops.
    final class Essentials: Sendable {
        let logger: Logger
        let jsonEncoder: JSONEncoder
        let jsonDecoder: JSONDecoder
        /// The log has been told that ``Request/session`` is asked for where there are no ``Sessions``.
        let hasToldOfSessions = Atomic(false)

        init(_ configuration: Configuration) {
            logger = configuration.logger
            jsonEncoder = configuration.jsonEncoder
            jsonDecoder = configuration.jsonDecoder
        }
    }
}
