import Foundation
import Glibc
import TestSupport

/// nginx or Node.js, which answers every request that it can read with 200, on a socket in a folder of its own.
final class RivalServer: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case nginx
        case node

        /// The head of the column that its version has in docs/differential.md, such as `nginx 1.22`; nil if it is not
        /// installed.
        func column() async -> String? {
            let command = self == .nginx ? ["/usr/sbin/nginx", "-v"] : ["node", "--version"]
            guard let outcome = try? await run(command), outcome.status == 0 else { return nil }
            let numbers = (outcome.output + outcome.errors).split { !$0.isNumber }
            guard numbers.count >= 2 else { return nil }
            return self == .nginx ? "nginx \(numbers[0]).\(numbers[1])" : "Node \(numbers[0])"
        }
    }

    let socket: String
    private let folder: TemporaryFolder
    private let process: BackgroundCommand

    init(_ kind: Kind) throws {
        folder = try TemporaryFolder()
        socket = "\(folder.path)/socket"
        switch kind {
        case .nginx:
            let file = try folder.write("nginx.conf", Self.nginxConfiguration(in: folder.path))
            process = try BackgroundCommand(
                ["/usr/sbin/nginx", "-e", "\(folder.path)/errors", "-p", folder.path, "-c", file])
        case .node: process = try BackgroundCommand(["node", folder.write("server.js", Self.nodeProgram(on: socket))])
        }
    }

    deinit { process.signal(SIGKILL) }

    /// What it has printed.
    var errors: String { process.errors + ((try? folder.read("errors")) ?? "") }

    var isRunning: Bool { process.isRunning }

    private static func nginxConfiguration(in folder: String) -> String {
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }
        return """
            daemon off; master_process off; pid \(folder)/pid;
            events {}
            http {
                access_log off; \(folders.joined(separator: " "))
                server { listen unix:\(folder)/socket; return 200 "ok"; }
            }
            """
    }

    private static func nodeProgram(on socket: String) -> String {
        """
        const server = require('http').createServer((request, response) => {
            request.on('data', () => {});
            request.on('end', () => response.end('ok'));
        });
        server.httpAllowHalfOpen = true;  // The client ends its sending before it has the answer.
        server.listen('\(socket)');
        """
    }
}
