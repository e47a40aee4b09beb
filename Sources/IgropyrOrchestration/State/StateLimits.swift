internal import IgropyrText

/// What one peer, or one operator, can make the replicated state grow to. Part of the protocol: all hosts have the
/// same.
public enum StateLimits {
    /// Deployed applications.
    public static let applications = 1000
    /// Deployed applications and the tombstones of removed ones.
    public static let registers = 2000
    /// Roughly, of all applications and certificates together, as JSON. Where something is deployed or set only: nobody
    /// is kept from a restart or a rollback, though history grows by it, and what others decide at the same time is
    /// taken nevertheless, or hosts would not come to the same state.
    public static let decidedBytes = 32 << 20
    public static let hosts = 1000
    public static let certificates = 200
    /// Certificates and the tombstones of removed ones.
    public static let certificateRegisters = 400
    public static let serversOfCertificate = 100
    public static let serverBytes = 253
    public static let workersPerHost = 1000
    public static let bundlesPerHost = 1000
    public static let tagsPerHost = 64
    public static let problemsPerHost = 8
    /// Of an application; likewise preferences.
    public static let constraints = 32
    public static let routes = 16
    public static let secrets = 32
    public static let secretNameBytes = 64
    /// Of an application's secrets together, or of a certificate with its key: sealed, in Base64.
    public static let sealedBytes = 65_536
    /// Of a sealed value's version, and of its key's fingerprint.
    public static let sealedFieldBytes = 64
    public static let hashKeyBytes = 1024
    public static let arguments = 256
    public static let environmentVariables = 256
    /// Of all arguments together, as UTF-8; likewise of the environment's names and values.
    public static let textBytes = 16_384
    public static let tagKeyBytes = 64
    public static let tagValueBytes = 256
    public static let messageBytes = 512
    public static let addressBytes = 64
    public static let entryBytes = 1024
    /// 24 hours: of every time-out and period.
    public static let durationMilliseconds = 24 * 3600 * 1000
    public static let restartIntensity = 1000
    /// Deployments that an application remembers beside the present one.
    public static let history = 5
    /// Decisions of operators that an application remembers.
    public static let decisions = 8
    /// Of what hosts conclude from a decision; some more with each of its conclusions.
    public static let conclusionRank = 1 << 30
    public static let fingerprintBytes = 64
    /// Of the times that all workers of an application were restarted on request.
    public static let generation = 1 << 31
    /// 2^53: what every JSON reader can hold.
    static let counter: Int64 = 1 << 53
}

/// Checks of one entry, each naming the entry in what it throws.
struct Validation {
    let subject: String

    func refusal(_ code: Refusal.Code, _ reason: String) -> Refusal {
        Refusal(code: code, subject: subject, reason: reason)
    }

    func require(_ condition: Bool, _ code: Refusal.Code, _ reason: @autoclosure () -> String) throws(Refusal) {
        if !condition { throw refusal(code, reason()) }
    }

    func requireCount(_ count: Int, atMost limit: Int, of what: String) throws(Refusal) {
        try require(count <= limit, .tooMany, "\(count) \(what), at most \(limit) are allowed")
    }

    func requireRange(_ value: Int, _ range: ClosedRange<Int>, _ what: String) throws(Refusal) {
        try require(
            range.contains(value), .malformed,
            "\(what) is \(value), not from \(range.lowerBound) to \(range.upperBound)")
    }

    /// Texts that reach a process: bounded in sum, and without NUL, at which C would cut them.
    func requireProcessTexts(_ texts: some Collection<String>, _ what: String) throws(Refusal) {
        let bytes = texts.reduce(0) { $0 + $1.utf8.count }
        try require(
            bytes <= StateLimits.textBytes, .tooLarge,
            "\(what) take \(bytes) bytes, at most \(StateLimits.textBytes) are allowed")
        try require(!texts.contains { $0.utf8.contains(0) }, .malformed, "\(what) contain a NUL")
    }

    /// Texts that reach an operator's terminal: bounded, and without control characters.
    func requirePlainText(_ text: String, atMost limit: Int, _ what: String) throws(Refusal) {
        try require(
            text.utf8.count <= limit, .tooLarge, "\(what) has \(text.utf8.count) bytes, at most \(limit) are allowed")
        try require(text.isPlain, .malformed, "\(what) contains control characters")
    }

    func requireTags(_ tags: [String: String], atMost limit: Int, _ what: String) throws(Refusal) {
        try requireCount(tags.count, atMost: limit, of: what)
        for (key, value) in tags {
            try require(
                !key.isEmpty && !key.utf8.contains(UInt8(ascii: "=")), .malformed,
                "\(what) have a key that is empty or contains '='")
            try requirePlainText(key, atMost: StateLimits.tagKeyBytes, "a key of \(what)")
            try requirePlainText(value, atMost: StateLimits.tagValueBytes, "a value of \(what)")
        }
    }
}

extension String {
    /// No control characters: neither C0 nor DEL nor C1, which some terminals obey, too.
    package var isPlain: Bool { !unicodeScalars.contains(where: \.isControl) }
}
