import Foundation
import IgropyrBundles

@testable import IgropyrCluster

/// What a peer sends as the content of a bundle: nothing of it may appear beside the bundle's folder, nor be more than
/// it.
enum ArchiveTarget: FuzzTarget {
    static let name = "archive"
    private static let folder: String = {
        let folder = "\(FileManager.default.temporaryDirectory.path)/fuzz-archive-\(getpid())"
        do { try FileSystem.createFolder(folder, permissions: 0o700) } catch { fatalError("\(error)") }
        return folder
    }()

    static func run(_ input: [UInt8]) {
        let out = "\(folder)/out"
        do throws(BundleError) {
            try BundleArchive.extract(ArchiveSource(input, name: "input"), to: out)
        } catch {
            require(names(in: folder).isEmpty, "something is left of a refused archive")
            return
        }
        require(names(in: folder) == ["out"])
        var bytes: Int64 = 0
        check(out, depth: 0, &bytes)
        require(bytes <= input.count, "it unpacks to more than it has")
        do { try FileSystem.removeTree(out) } catch { fatalError("\(error)") }
    }

    private static func check(_ folder: String, depth: Int, _ bytes: inout Int64) {
        require(depth <= BundleArchive.Limits().depth)
        for name in names(in: folder) {
            let path = "\(folder)/\(name)"
            guard let status = try? FileSystem.status(of: path) else { fatalError("\(path) is not there") }
            switch status.kind {
            case .folder:
                require(status.permissions == 0o755)
                check(path, depth: depth + 1, &bytes)
            case .file:
                require(status.permissions == 0o755 || status.permissions == 0o644)
                // A file of several names has its bytes once.
                var raw = stat()
                require(lstat(path, &raw) == 0)
                bytes += raw.st_nlink == 1 ? status.byteCount : status.byteCount / Int64(raw.st_nlink)
            case .link:
                guard let real = try? FileSystem.resolved(path) else { continue }  // To nothing, or in a circle.
                require(real == Self.root || real.hasPrefix("\(Self.root)/"), "a link leads out: \(real)")
            case .socket, .fifo, .device: fatalError("a \(status.kind)")
            }
        }
    }

    private static let root: String = {
        do { return "\(try FileSystem.resolved(folder))/out" } catch { fatalError("\(error)") }
    }()

    private static func names(in folder: String) -> [String] {
        do { return try FileSystem.names(in: folder) } catch { fatalError("\(error)") }
    }
}
