import Foundation
import Igropyr
import IgropyrSites
import TestSupport
import Testing

/// What is there and is yet not served: a client cannot tell, but whoever keeps the site can.
@Suite(.timeLimit(.minutes(5))) struct ObstacleTests {
    @Test func `a link that is not followed is 404, and the log names it`() async throws {
        try await withSite("error-log: error.log") { caller, site in
            try site.write("real/a.txt", "a")
            try site.link("link.txt", to: "real/a.txt")
            try site.link("folder", to: "real")
            for target in ["/link.txt", "/folder/a.txt", "/folder/"] { #expect(try await caller.status(target) == 404) }
            #expect(try await caller.status("/none") == 404)
            try await eventually("each is said") {
                let log = site.text("error.log")
                return ["/web/link.txt,", "/web/folder/a.txt,", "/web/folder,"].allSatisfy {
                    log.contains("is not followed as the key symlinks has it (file=\(site.path)\($0)")
                }
            }
            #expect(!site.text("error.log").contains("none"))
        }
    }

    @Test func `what may not be read is 404, an index 403, and the log names it`() async throws {
        await #expect(processExitsWith: .success) {
            // Root may read everything: somebody else serves.
            if geteuid() == 0 { try #require(setgid(65534) == 0 && setuid(65534) == 0) }
            try await withSite("error-log: error.log\nlisting: false") { caller, site in
                try site.write("closed.txt", "a", mode: 0)
                try site.write("closed/index.html", "a")
                #expect(chmod(site.web + "/closed", 0) == 0)
                #expect(try await caller.status("/closed.txt") == 404)
                #expect(try await caller.status("/closed/index.html") == 404)
                #expect(try await caller.status("/closed/") == 403)
                try await eventually("each is said") {
                    let lines = site.text("error.log").split(separator: "\n").filter { $0.contains("may not read it") }
                    return lines.count { $0.contains("/web/closed.txt,") } == 1
                        && lines.count { $0.contains("/web/closed/index.html,") } == 2
                }
                #expect(chmod(site.web + "/closed", 0o700) == 0)  // So that the folder can be removed.
            }
        }
    }
}
