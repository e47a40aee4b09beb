public import IgropyrTime

/// Finds the members of a cluster on the local network by multicast DNS, and lets them find us (RFC 6762, RFC 6763),
/// under the names that Serf's agents use with `-discover`.
///
/// Datagrams and the time go in, decisions come out. Call ``handleTimeout(at:)`` at ``deadline`` or later.
public struct ServiceDiscovery: Sendable {
    public enum Directive: Hashable, Sendable {
        /// To the group, from the group's port.
        case multicast([UInt8])
        /// To where the datagram came from.
        case reply([UInt8])
        /// A member says that it can be reached here; 4 or 16 bytes of address in network order.
        case found(address: [UInt8], port: UInt16)
    }

    /// What one host says of itself.
    public struct Instance: Sendable {
        public var name: String
        /// 4 or 16 bytes in network order.
        public var address: [UInt8]
        public var port: UInt16

        public init(name: String, address: [UInt8], port: UInt16) {
            self.name = name
            self.address = address
            self.port = port
        }
    }

    /// A member that was found: by one of its addresses, though it may tell of several.
    fileprivate struct Place: Hashable, Sendable {
        let instance: DNSName
        let address: [UInt8]
        let port: UInt16

        func isAnotherAddress(of other: Place) -> Bool {
            instance == other.instance && port == other.port
                && DNSAddressKind(address) != DNSAddressKind(other.address)
        }
    }

    /// Who is asked and told, over IPv4 and over IPv6; there, in the interface's zone.
    public static let groups = (ipv4: "224.0.0.251", ipv6: "ff02::fb")
    public static let port: UInt16 = 5353
    fileprivate static let timeToLive: UInt32 = 120
    /// Of answers to askers that know nothing of multicast (RFC 6762 §6.7).
    private static let legacyTimeToLive: UInt32 = 10
    /// Between two questions: doubled each time, up to the longest.
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(60)
    /// How long a place that was found is not told again, and how many are kept in mind: more are ignored until then.
    private static let memory = Duration.seconds(30)
    private static let placesLimit = 64
    /// Between two answers to the group, and how many single askers are answered in that time (RFC 6762 §6).
    private static let answerInterval = Duration.seconds(1)
    private static let repliesPerInterval = 32
    /// What one message may have us look at.
    private static let instancesPerMessage = 32

    /// What is said of our own instance.
    fileprivate struct Own: Sendable {
        let name: DNSName
        let place: Place
        let pointer: DNSRecord
        let rest: [DNSRecord]
    }

    private let service: DNSName
    private let own: Own?
    private let kinds: [DNSAddressKind]
    private var pause = firstPause
    private var questionDue: Timestamp
    private var announcementsLeft = 2
    private var answerDue: Timestamp?
    private var mayAnswerAt: Timestamp
    private var repliesLeft = repliesPerInterval
    private var repliesRenewAt: Timestamp
    private var places: [Place: Timestamp] = [:]
    /// Messages that could not be read.
    public private(set) var malformed = 0
    /// Places and askers that were ignored because there were too many.
    public private(set) var overflows = 0

    /// Without an instance it only looks for others. `kinds`: Which addresses of others are of use to us, the best
    /// first. Nil if `cluster` cannot be part of a name: it takes 1 to 57 bytes without dots.
    public init?(
        cluster: String, instance: Instance?, kinds: [DNSAddressKind], at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        guard !cluster.isEmpty, !cluster.contains("."), let service = DNSName("_serf_\(cluster)._tcp.local") else {
            return nil
        }
        self.service = service
        self.kinds = kinds
        if let instance {
            guard let own = Own(instance, of: cluster, service) else { return nil }
            self.own = own
        } else {
            own = nil
        }
        // Hosts that are switched on together shall not ask together (RFC 6762 §5.2).
        questionDue = now.advanced(by: .milliseconds(Int.random(in: 20...120, using: &random)))
        mayAnswerAt = now
        repliesRenewAt = now.advanced(by: Self.answerInterval)
    }

    // MARK: - Time

    public var deadline: Timestamp { min(questionDue, answerDue ?? .distantFuture) }

    public mutating func handleTimeout(at now: Timestamp) -> [Directive] {
        var directives: [Directive] = []
        if now >= questionDue {
            questionDue = now.advanced(by: pause)
            pause = min(pause * 2, Self.longestPause)
            directives.append(.multicast(question))
            if own != nil, announcementsLeft > 0 {  // RFC 6762 §8.3.
                announcementsLeft -= 1
                answerDue = now
            }
        }
        if let own, let due = answerDue, now >= due {
            answerDue = nil
            mayAnswerAt = now.advanced(by: Self.answerInterval)
            directives.append(.multicast(own.answer().encoded))
        }
        return directives
    }

    /// Asks soon again, as after losing everybody.
    public mutating func askAgain(at now: Timestamp) {
        pause = Self.firstPause
        questionDue = min(questionDue, now.advanced(by: pause))
    }

    /// To the group, at the end: forget us. Nil if we never said anything of ourselves.
    public var goodbye: [UInt8]? { own?.answer(timeToLive: 0).encoded }

    /// With our own pointer as known, so that nobody repeats it (RFC 6762 §7.1), we ourselves included.
    private var question: [UInt8] {
        var message = DNSMessage()
        message.questions = [.init(service, type: DNSType.pointer)]
        message.answers = [own?.pointer].compactMap(\.self)
        return message.encoded
    }

    // MARK: - Datagrams

    /// `isFromGroupPort`: Whether the sender knows multicast; else the answer goes to it alone, as a plain one.
    public mutating func handle(
        _ datagram: [UInt8], isFromGroupPort: Bool, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        let message: DNSMessage
        do throws(DNSError) { message = try DNSMessage(datagram) } catch {
            malformed += 1
            return []
        }
        guard message.operation == 0, message.responseCode == 0 else { return [] }  // RFC 6762 §18.3, §18.11.
        if message.isResponse { return isFromGroupPort ? learn(from: message, at: now) : [] }
        guard let own else { return [] }
        return respond(to: message, of: own, isFromGroupPort: isFromGroupPort, at: now, using: &random)
    }

    private mutating func respond(
        to message: DNSMessage, of own: Own, isFromGroupPort: Bool, at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        let asked = message.questions.filter { isAbout(own, $0) }
        guard !asked.isEmpty else { return [] }
        guard isFromGroupPort else {
            var reply = own.answer(timeToLive: Self.legacyTimeToLive)
            reply.id = message.id
            reply.questions = asked
            for index in reply.additional.indices { reply.additional[index].isUnique = false }
            return mayReply(at: now) ? [.reply(reply.encoded)] : []
        }
        let isKnown = message.answers.contains { record in
            record.name == service && record.content == .pointer(own.name) && record.timeToLive >= Self.timeToLive / 2
        }
        guard !isKnown else { return [] }
        if asked.allSatisfy(\.wantsUnicast) { return mayReply(at: now) ? [.reply(own.answer().encoded)] : [] }
        // Others answer, too: not all at the same instant (RFC 6762 §6).
        let soon = now.advanced(by: .milliseconds(Int.random(in: 20...120, using: &random)))
        answerDue = min(answerDue ?? .distantFuture, max(soon, mayAnswerAt))
        return []
    }

    private func isAbout(_ own: Own, _ question: DNSMessage.Question) -> Bool {
        switch question.type {
        case DNSType.pointer: question.name == service
        case DNSType.any: question.name == service || question.name == own.name
        case DNSType.service, DNSType.text: question.name == own.name
        default: false
        }
    }

    private mutating func mayReply(at now: Timestamp) -> Bool {
        if now >= repliesRenewAt {
            repliesRenewAt = now.advanced(by: Self.answerInterval)
            repliesLeft = Self.repliesPerInterval
        }
        guard repliesLeft > 0 else {
            overflows += 1
            return false
        }
        repliesLeft -= 1
        return true
    }

    /// Of each instance of our service, the best address that came along.
    private mutating func learn(from message: DNSMessage, at now: Timestamp) -> [Directive] {
        let records = message.answers + message.additional
        var found: [Directive] = []
        for record in records where record.name.hasSuffix(service) && record.name != own?.name && record.timeToLive > 0
        {
            guard case .service(let target) = record.content, target.port > 0, found.count < Self.instancesPerMessage
            else { continue }
            guard let address = bestAddress(of: target.target, in: records) else { continue }
            let place = Place(instance: record.name, address: address, port: target.port)
            if isNews(place, at: now) { found.append(.found(address: address, port: target.port)) }
        }
        return found
    }

    private func bestAddress(of host: DNSName, in records: [DNSRecord]) -> [UInt8]? {
        let addresses = records.compactMap { record -> [UInt8]? in
            guard record.name == host, record.timeToLive > 0 else { return nil }
            switch record.content {
            case .address(let address), .address6(let address): return address
            case .pointer, .text, .service, .other: return nil
            }
        }
        for kind in kinds {
            if let address = addresses.first(where: { DNSAddressKind($0) == kind }) { return address }
        }
        return nil
    }

    private mutating func isNews(_ place: Place, at now: Timestamp) -> Bool {
        guard place.address != own?.place.address || place.port != own?.place.port else { return false }
        if let last = places[place], last.duration(to: now) < Self.memory { return false }
        places = places.filter { $0.value.duration(to: now) < Self.memory }
        guard !places.keys.contains(where: place.isAnotherAddress) else { return false }
        guard places.count < Self.placesLimit else {
            overflows += 1
            return false
        }
        places[place] = now
        return true
    }
}

extension ServiceDiscovery.Own {
    fileprivate init?(_ instance: ServiceDiscovery.Instance, of cluster: String, _ service: DNSName) {
        let label = Array(instance.name.utf8.prefix(DNSName.labelLimitBytes))
        guard instance.address.count == 4 || instance.address.count == 16,
            let name = DNSName(labels: [label] + service.labels),
            let host = DNSName(labels: [label] + [Array("local".utf8)])
        else { return nil }
        self.name = name
        place = ServiceDiscovery.Place(instance: name, address: instance.address, port: instance.port)
        let isIPv4 = instance.address.count == 4
        let timeToLive = ServiceDiscovery.timeToLive
        pointer = DNSRecord(service, timeToLive: timeToLive, .pointer(name))
        rest = [
            DNSRecord(
                name, timeToLive: timeToLive, isUnique: true,
                .service(.init(priority: 10, weight: 1, port: instance.port, target: host))),
            // Agents take nobody without a text. The address last: theirs look at what comes last.
            DNSRecord(
                name, timeToLive: timeToLive, isUnique: true, .text([Array("Serf '\(cluster)' cluster".utf8)])),
            DNSRecord(
                host, timeToLive: timeToLive, isUnique: true,
                isIPv4 ? .address(instance.address) : .address6(instance.address)),
        ]
    }

    fileprivate func answer(timeToLive: UInt32 = ServiceDiscovery.timeToLive) -> DNSMessage {
        var message = DNSMessage()
        message.isResponse = true
        message.isAuthoritative = true
        message.answers = [pointer]
        message.additional = rest
        for index in message.answers.indices { message.answers[index].timeToLive = timeToLive }
        for index in message.additional.indices { message.additional[index].timeToLive = timeToLive }
        return message
    }
}
