internal import Glibc
internal import IgropyrBundles
internal import IgropyrOrchestration

extension ProgramMachine {
    /// What this host is; nil if the system calls it something that no machine is called.
    static let host: ProgramMachine? = {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return nil }
        let text = unsafe withUnsafePointer(to: &name.machine) { field in
            unsafe field.withMemoryRebound(to: CChar.self, capacity: 65) { unsafe String(validatingCString: $0) }
        }
        return text.flatMap(ProgramMachine.init(rawValue:))
    }()

    /// For advice.
    static var example: ProgramMachine {
        guard let machine = host ?? ProgramMachine(rawValue: "x86_64") else { preconditionFailure("it is a name") }
        return machine
    }

    /// Of a program's file; nil if it is for any. Blocks.
    static func ofProgram(at path: String) throws(FileError) -> ProgramMachine? {
        ProgramMachine(programHead: try BlockingFile(path, .read).read(upTo: headBytes))
    }
}

extension BundleIndex {
    /// Why this host cannot run what the bundle holds; nil if it can.
    var misfit: String? {
        guard let host = ProgramMachine.host, !fits(host) else { return nil }
        let names = machines.map(\.rawValue).joined(separator: " and ")
        return "the bundle \(digest.short) has programs for \(names) only, this host is \(host): "
            + "deploy it with one for \(host)"
    }
}

extension DeploymentSpec.Kind {
    /// The path of the program to start, in an unpacked bundle: its build for this machine if there is one. Nil for a
    /// site. Blocks.
    /// - Throws: ``BundleError/Code/missing`` if there is no such program.
    func entry(in folder: String) throws(BundleError) -> String? {
        guard case .executable(let entry) = self else { return nil }
        let names = [ProgramMachine.host?.variant(of: entry), entry].compactMap(\.self)
        let programs = names.map { "\(folder)/\($0)" }.filter { path in
            let status = try? FileSystem.status(of: path)
            return status?.kind == .file && status?.isExecutable == true
        }
        guard let program = programs.first else {
            throw BundleError(.missing, folder, "the bundle holds no program \(names.joined(separator: ", nor "))")
        }
        return program
    }
}
