import Foundation
import Glibc
import IgropyrUV

/// nginx or Node.js, which answers every request that it can read with 200 and records it.
public final class RivalServer: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case nginx
        case node

        /// The head of the column that its version has in docs/differential.md, such as `nginx 1.22`; nil if it is not
        /// installed.
        public func column() async -> String? {
            let command = self == .nginx ? ["/usr/sbin/nginx", "-v"] : ["node", "--version"]
            guard let outcome = try? await run(command), outcome.status == 0 else { return nil }
            let numbers = (outcome.output + outcome.errors).split { !$0.isNumber }
            guard numbers.count >= 2 else { return nil }
            return self == .nginx ? "nginx \(numbers[0]).\(numbers[1])" : "Node \(numbers[0])"
        }
    }

    public let target: WireExchange.Target
    private let folder: TemporaryFolder
    private let process: BackgroundCommand

    /// Listens on a socket in a folder of its own, or at the address.
    public init(_ kind: Kind, at address: SocketAddress? = nil) throws {
        folder = try TemporaryFolder()
        target = address.map { .address($0) } ?? .socket("\(folder.path)/socket")
        switch kind {
        case .nginx:
            let file = try folder.write("nginx.conf", Self.nginxConfiguration(in: folder.path, address))
            process = try BackgroundCommand(
                ["/usr/sbin/nginx", "-e", "\(folder.path)/errors", "-p", folder.path, "-c", file])
        case .node:
            process = try BackgroundCommand(
                ["node", folder.write("server.js", Self.nodeProgram(in: folder.path, address))])
        }
    }

    deinit { process.signal(SIGKILL) }

    /// Waits until it takes connections.
    /// - Returns: false if it has ended, or needs more than a minute.
    public func isServing() async -> Bool {
        await eventually { WireExchange.isOpen(target) || !isRunning } && isRunning
    }

    /// What it has printed.
    public var errors: String { process.errors + ((try? folder.read("errors")) ?? "") }

    public var isRunning: Bool { process.isRunning }

    /// The requests that it has answered.
    public var seen: [SeenRequest] {
        let records = FileManager.default.contents(atPath: "\(folder.path)/seen") ?? Data()
        return records.split(separator: SeenRequest.recordSeparator).compactMap { record in
            record.last == UInt8(ascii: "\n") ? SeenRequest(Array(record.dropLast())) : nil
        }
    }

    /// It passes requests on to itself, since it reads a body only for somebody.
    private static func nginxConfiguration(in folder: String, _ address: SocketAddress?) -> String {
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }
        let fields = SeenRequest.names.map { "$http_" + $0.replacing("-", with: "_") }
        let format = (["$status", "$request_method", "$request_uri"] + fields + ["$request_body"])
            .joined(separator: "\u{1F}")
        let answers = "return 200 \"ok\";"
        return """
            daemon off; master_process off; pid \(folder)/pid;
            events {}
            http {
                \(folders.joined(separator: " "))
                log_format seen escape=none "\u{1E}\(format)";
                access_log \(address == nil ? "off" : "\(folder)/seen seen");
                client_body_buffer_size 1m; client_body_in_single_buffer on; keepalive_requests 100000;
                server {
                    listen \(address.map { "\($0)" } ?? "unix:\(folder)/socket");
                    \(address == nil ? answers : "location / { proxy_pass http://unix:\(folder)/inner; }")
                }
                server { listen unix:\(folder)/inner; access_log off; \(answers) }
            }
            """
    }

    private static func nodeProgram(in folder: String, _ address: SocketAddress?) -> String {
        let names = SeenRequest.names.map { "'\($0)'" }.joined(separator: ", ")
        let place = address.map { "\($0.port), '\($0.hostText)'" } ?? "'\(folder)/socket'"
        return """
            const file = require('fs').openSync('\(folder)/seen', 'a');
            const server = require('http').createServer((request, response) => {
                const pieces = [];
                request.on('data', (piece) => pieces.push(piece));
                request.on('end', () => {
                    const {rawHeaders} = request;
                    const values = (name) => rawHeaders
                        .filter((_, i) => i % 2 == 1 && rawHeaders[i - 1].toLowerCase() == name).join(', ');
                    const parts = ['200', request.method, request.url, ...[\(names)].map(values)];
                    const record = Buffer.from('\\x1e' + parts.join('\\x1f') + '\\x1f', 'latin1');
                    require('fs').writeSync(file, Buffer.concat([record, ...pieces, Buffer.from('\\n')]));
                    response.end('ok');
                });
            });
            server.httpAllowHalfOpen = true;  // The client ends its sending before it has the answer.
            server.listen(\(place));
            """
    }
}
