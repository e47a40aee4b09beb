import Foundation
import Igropyr
import IgropyrConfiguration
import IgropyrSites
import IgropyrText
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// A folder with a site's files, for the length of a test.
struct SiteFixture: Sendable {
    let path: String
    var web: String { path + "/web" }

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/igropyr-site-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path + "/web", withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Written in place, so that what serves it sees it change.
    func write(_ name: String, _ text: String, mode: Int = 0o644) throws {
        let file = web + "/" + name
        let folder = file.pathNames.dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: web + "/" + name, withDestinationPath: target)
    }

    func text(_ name: String) -> String {
        (try? String(contentsOfFile: path + "/" + name, encoding: .utf8)) ?? ""
    }
}

/// Sends requests to a site that runs for the length of a test.
final class SiteCaller {
    let client: HTTPRequester
    let running: RunningSite

    init(_ client: HTTPRequester, _ running: RunningSite) {
        self.client = client
        self.running = running
    }

    func send(
        _ target: String, _ fields: [(String, String)] = [], method: String = "GET", body: [UInt8] = []
    ) async throws -> HTTPRequester.Response {
        // The client has a `Host` of its own: another is named in the target (RFC 9112 §3.2.2).
        let host = fields.first { $0.0 == "Host" }.map { "http://" + $0.1 } ?? ""
        let others = fields.filter { $0.0 != "Host" }.map { (name: $0.0, value: $0.1) }
        let request = HTTPRequester.Request(.init(method), host + target, fields: others, body: body)
        return try await client.send(request, to: running.address, bodyLimit: 64 << 20)
    }

    /// The whole answer to a request by any method, of which the client knows a few only.
    func exchange(_ method: String, _ target: String, body: String = "") throws -> String {
        let socket = try BlockingSocket(to: running.address)
        let framing = "Content-Length: \(body.utf8.count)\r\nConnection: close"
        try socket.send("\(method) \(target) HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n\(body)")
        var bytes: [UInt8] = []
        while case let piece = try socket.receive(), !piece.isEmpty { bytes += piece }
        return String(decoding: bytes, as: UTF8.self)
    }

    func text(_ target: String, _ fields: [(String, String)] = []) async throws -> String {
        try await send(target, fields).text
    }

    func status(_ target: String, _ fields: [(String, String)] = []) async throws -> Int {
        try await send(target, fields).status
    }
}

extension HTTPRequester.Response {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Serves a site by its file's text, on two loops. In the end no handle is left on any of them.
func withSite(
    _ yaml: String = "", change: (inout Site) throws -> Void = { _ in },
    _ body: @escaping @Sendable (SiteCaller, SiteFixture) async throws -> Void
) async throws {
    let fixture = try SiteFixture()
    defer { fixture.remove() }
    var site = try Site(Array(yaml.utf8), file: fixture.path + "/site.yaml")
    site.loops = 2
    try change(&site)
    for host in site.hosts {
        try FileManager.default.createDirectory(atPath: host.root, withIntermediateDirectories: true)
    }
    try await serve(site) { caller in try await body(caller, fixture) }
}

func serve(_ site: Site, _ body: @escaping @Sendable (SiteCaller) async throws -> Void) async throws {
    let running = try await site.start()
    try await onLoop { loop in
        let client = try HTTPRequester(on: loop)
        defer { client.close() }
        try await body(SiteCaller(client, running))
    }
    try await running.stop()
}
