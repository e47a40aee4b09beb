internal import Crypto
public import IgropyrOrchestration
internal import IgropyrText

/// What a bundle is made of: the chunks of its archive in their order, and the machines that it has programs for. Its
/// own SHA-256 names the bundle, so whoever knows that name can check the index, and by the index each chunk.
///
/// The bytes: `igrbndl1`; a byte with the count of machines, then each as a byte with its length and its name; then for
/// each chunk its length as a big-endian `UInt32` and the 32 bytes of its SHA-256. One list of chunks has one such
/// form.
public struct BundleIndex: Hashable, Sendable {
    public struct Chunk: Hashable, Sendable {
        public let digest: ChunkDigest
        public let byteCount: Int

        public init(digest: ChunkDigest, byteCount: Int) {
            self.digest = digest
            self.byteCount = byteCount
        }
    }

    /// Of an archive: 2 GiB of files, and the heads, long paths and padding of 100 000 entries.
    public static let archiveLimitBytes: Int64 = 2 << 30 + 256 << 20
    /// No archive has more, since only the last of its chunks may be short.
    public static let chunkLimit = Int(archiveLimitBytes) / ContentChunker.minimumBytes + 1
    static let machineLimit = 16
    /// Of an index.
    public static let limitBytes =
        magic.count + 1 + machineLimit * (1 + ProgramMachine.nameBytes) + chunkLimit * entryBytes

    static let magic = Array("igrbndl1".utf8)
    private static let entryBytes = 4 + ChunkDigest.byteCount

    /// As `uname -m` names them, sorted; empty if it runs on any, such as a site or a script.
    public let machines: [ProgramMachine]
    /// In the order of the archive; the same may come several times.
    public let chunks: [Chunk]
    /// Each once, in the order of their first places. Sets of chunks count by this.
    public let distinctChunks: [Chunk]
    /// Of the archive.
    public let byteCount: Int64
    public let digest: BundleDigest
    public let bytes: [UInt8]

    public init(machines: Set<ProgramMachine> = [], chunks: [Chunk]) throws(BundleIndexError) {
        try self.init(machines: machines.sorted(), chunks: chunks, bytes: Self.encode(machines.sorted(), chunks))
    }

    /// - Throws: For anything but what ``bytes`` of some index says.
    public init(bytes: [UInt8]) throws(BundleIndexError) {
        guard bytes.count <= Self.limitBytes else { throw .tooLarge }
        var reader = Reader(bytes: bytes)
        guard try reader.take(Self.magic.count) == Self.magic[...] else { throw .notAnIndex }
        let machines = try reader.takeMachines()
        var chunks: [Chunk] = []
        chunks.reserveCapacity(bytes.count / Self.entryBytes)
        while !reader.isAtEnd { chunks.append(try reader.takeChunk()) }
        try self.init(machines: machines, chunks: chunks, bytes: bytes)
    }

    private init(machines: [ProgramMachine], chunks: [Chunk], bytes: [UInt8]) throws(BundleIndexError) {
        guard machines.count <= Self.machineLimit, chunks.count <= Self.chunkLimit else { throw .tooLarge }
        guard machines == Set(machines).sorted() else { throw .malformed }
        var lengths: [ChunkDigest: Int] = [:]
        var distinct: [Chunk] = []
        for (place, chunk) in chunks.enumerated() {
            let shortest = place == chunks.count - 1 ? 1 : ContentChunker.minimumBytes
            guard (shortest...ContentChunker.maximumBytes).contains(chunk.byteCount) else { throw .malformed }
            guard let known = lengths.updateValue(chunk.byteCount, forKey: chunk.digest) else {
                distinct.append(chunk)
                continue
            }
            guard known == chunk.byteCount else { throw .malformed }
        }
        byteCount = chunks.reduce(0) { $0 + Int64($1.byteCount) }
        guard !chunks.isEmpty else { throw .malformed }
        guard byteCount <= Self.archiveLimitBytes else { throw .tooLarge }
        self.machines = machines
        self.chunks = chunks
        self.bytes = bytes
        distinctChunks = distinct
        digest = BundleDigest(SHA256.hash(data: bytes))
    }

    /// Whether it has what a host of that kind can run.
    public func fits(_ machine: ProgramMachine) -> Bool { machines.isEmpty || machines.contains(machine) }

    private static func encode(_ machines: [ProgramMachine], _ chunks: [Chunk]) -> [UInt8] {
        var bytes = magic + [UInt8(clamping: machines.count)]
        for machine in machines { bytes += [UInt8(machine.rawValue.utf8.count)] + machine.rawValue.utf8 }
        for chunk in chunks {
            let length = UInt32(clamping: chunk.byteCount)
            bytes += stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: length >> UInt32($0)) }
            bytes += chunk.digest.bytes
        }
        return bytes
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == bytes.count }

        mutating func take(_ count: Int) throws(BundleIndexError) -> ArraySlice<UInt8> {
            guard count <= bytes.count - position else { throw .cutShort }
            defer { position += count }
            return bytes[position..<position + count]
        }

        mutating func takeByte() throws(BundleIndexError) -> Int {
            let byte = try take(1)
            return Int(byte[byte.startIndex])
        }

        mutating func takeMachines() throws(BundleIndexError) -> [ProgramMachine] {
            var machines: [ProgramMachine] = []
            for _ in 0..<(try takeByte()) {
                let name = String(decoding: try take(try takeByte()), as: UTF8.self)
                guard let machine = ProgramMachine(rawValue: name) else { throw .malformed }
                machines.append(machine)
            }
            return machines
        }

        mutating func takeChunk() throws(BundleIndexError) -> Chunk {
            let length = try take(4).reduce(0) { $0 << 8 | Int($1) }
            return Chunk(digest: ChunkDigest(digest: try take(ChunkDigest.byteCount)), byteCount: length)
        }
    }
}

/// Why bytes are no index of a bundle, or chunks make none.
public enum BundleIndexError: Error, Hashable, Sendable {
    case notAnIndex
    case cutShort
    /// A length or a name that no bundle has; machines out of order; no chunk at all.
    case malformed
    /// More than ``BundleIndex/archiveLimitBytes`` or ``BundleIndex/chunkLimit``.
    case tooLarge
}

extension BundleDigest {
    init(_ digest: SHA256.Digest) {
        guard let made = BundleDigest(rawValue: Hexadecimal.text(digest)) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        self = made
    }
}
