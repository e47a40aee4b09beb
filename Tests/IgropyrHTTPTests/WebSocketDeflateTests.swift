import IgropyrHTTP
import Testing

/// The negotiation of RFC 7692 §7.1.
@Suite struct WebSocketDeflateTests {
    private static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test(arguments: [
        ("permessage-deflate", plain, 15),
        ("permessage-deflate; client_max_window_bits", plain, 15),
        ("permessage-deflate ; client_max_window_bits = 10; client_no_context_takeover", plain, 15),
        (
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            plain + "; server_max_window_bits=12", 12
        ),
        ("permessage-deflate; server_max_window_bits=\"9\"", plain + "; server_max_window_bits=9", 9),
        ("x-webkit-deflate-frame, permessage-deflate", plain, 15),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", plain, 15),
    ])
    func `a server takes the first offer that it can`(offer: String, answer: String, windowBits: Int) throws {
        let accepted = try #require(WebSocketDeflate.accept([offer]))
        #expect(accepted.answer == answer)
        #expect(accepted.agreed.windowBits == windowBits)
    }

    @Test(arguments: [
        "", "deflate", "permessage-deflate; unknown", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=012", "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; server_max_window_bits=8",
    ])
    func `what it cannot take it leaves`(offer: String) { #expect(WebSocketDeflate.accept([offer]) == nil) }

    @Test func `a client takes what it has asked for, and nothing else`() {
        #expect(WebSocketDeflate(answer: Self.plain) != nil)
        #expect(WebSocketDeflate(answer: "permessage-deflate; server_no_context_takeover") != nil)
        #expect(
            WebSocketDeflate(answer: "permessage-deflate; server_no_context_takeover; server_max_window_bits=10") != nil
        )
        #expect(WebSocketDeflate(answer: "permessage-deflate") == nil)
        #expect(WebSocketDeflate(answer: Self.plain + "; client_max_window_bits=10") == nil)
        #expect(WebSocketDeflate(answer: "other") == nil)
    }
}
