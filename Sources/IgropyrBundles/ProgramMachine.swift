internal import IgropyrText

/// A kind of processor, as `uname -m` names it: what programs are built for.
public struct ProgramMachine: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    static let nameBytes = 16

    public let rawValue: String

    /// 1 to 16 of a-z, 0-9 and `_`; nil for anything else.
    public init?(rawValue: String) {
        let isName = rawValue.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_")
        }
        guard isName, (1...Self.nameBytes).contains(rawValue.utf8.count) else { return nil }
        self.rawValue = rawValue
    }

    private init(_ name: StaticString) { rawValue = "\(name)" }

    /// The machine that a program is for, by the head of its file (ELF, `e_machine`); nil for one that is for any, such
    /// as a script, and for a machine that has no name here.
    public init?(programHead head: [UInt8]) {
        guard head.count >= Self.headBytes, head.starts(with: [0x7f] + Array("ELF".utf8)) else { return nil }
        let (isWide, isBigEndian) = (head[4] == 2, head[5] == 2)
        let number = isBigEndian ? Int(head[18]) << 8 | Int(head[19]) : Int(head[19]) << 8 | Int(head[18])
        switch (number, isWide, isBigEndian) {
        case (62, true, false): self.init("x86_64")
        case (183, true, false): self.init("aarch64")
        case (243, true, false): self.init("riscv64")
        case (21, true, false): self.init("ppc64le")
        case (22, true, true): self.init("s390x")
        case (258, true, false): self.init("loongarch64")
        case (40, false, false): self.init("armv7l")
        case (3, false, false): self.init("i686")
        default: return nil
        }
    }

    /// What ``init(programHead:)`` looks at.
    public static let headBytes = 20

    public var description: String { rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Where a bundle has this machine's build of a program: in a folder beside the program's own place that is called
    /// like the machine. `bin/Hello` is `bin/x86_64/Hello` there.
    public func variant(of program: String) -> String {
        var names = program.pathNames
        names.insert(rawValue, at: names.count - 1)
        return names.joined(separator: "/")
    }
}
