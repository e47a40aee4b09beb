import Glibc
import IgropyrUV
import Testing

@testable import IgropyrCluster

@Suite struct `A handover` {
    @Test func `goes from one program to the next in the same process, with its descriptors`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            var handover = Handover()
            var ends: [Int32] = [-1, -1]
            precondition(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            precondition(write(ends[1], "7\n", 2) == 2)
            handover.descriptors["control"] = ends[0]
            let contract = ServiceContract(pid: getpid()) { ["NOTIFY_SOCKET": "@here", "WATCHDOG_USEC": "5000"][$0] }
            let script = """
                case $IGROPYR_HANDOVER in *'"control":\(ends[0])'*) ;; *) exit 1;; esac
                test "$NOTIFY_SOCKET $WATCHDOG_USEC" = '@here 5000' || exit 2
                test -e /proc/self/fd/\(ends[1]) && exit 3
                read -r code </proc/self/fd/\(ends[0]) && exit "$code"
                """
            try handover.exec(["/bin/sh", "-c", script], contract)
        }
    }

    @Test func `holds signals to a service until the next program hears them`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let script = """
                kill -HUP $$
                grep -q '^ShdPnd:.*1$' /proc/$$/status && exit 7
                """
            let contract = ServiceContract(pid: getpid()) { _ in nil }
            try Handover().exec(["/bin/bash", "-c", script], contract)  // Others clear what is blocked.
        }
    }

    @Test func `of another version counts as none`() throws {
        let text = #"{"version":1,"descriptors":{},"processes":{},"names":{"a":"b"}}"#
        #expect(try #require(Handover(parsing: text)).names == ["a": "b"])
        for other in ["", "{}", text.replacing("1", with: "2")] { #expect(Handover(parsing: other) == nil) }
    }
}
