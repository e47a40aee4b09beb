import Foundation
import Igropyr
import IgropyrPasswords
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct PasswordHashTests {
    @Test func `a password matches its hash, which is another one each time`() async throws {
        let one = try await PasswordHash(hashing: "open sesame")
        let other = try await PasswordHash(hashing: "open sesame")
        #expect(one.text.hasPrefix("$y$"))
        #expect(one != other)
        let stored = try #require(PasswordHash(one.text))
        #expect(stored == one)
        #expect(try await stored.matches("open sesame"))
        #expect(try await other.matches("open sesame"))
        for wrong in ["open sesame ", "Open sesame", "", "open", "open sesame\0"] {
            #expect(try await !stored.matches(wrong))
        }
    }

    @Test(arguments: ["", "a\0b", String(repeating: "a", count: 512)])
    func `what is no password is not hashed, and its sender told so`(text: String) async throws {
        let failure = await #expect(throws: HTTPFailure.self) { try await PasswordHash(hashing: text) }
        #expect(failure?.status == .unprocessableContent)
    }

    @Test func `a password may be long, and need not be ASCII`() async throws {
        for text in [String(repeating: "ä", count: 255) + "a", "π 🥐"] {
            let hash = try await PasswordHash(hashing: text)
            #expect(try await hash.matches(text))
            #expect(try await !hash.matches(String(text.dropLast())))
        }
    }

    @Test func `hashes of other programs are known, but for those that are guessed too fast`() async throws {
        let made = try await run(["openssl", "passwd", "-6", "open sesame"]).output
        let hash = try #require(PasswordHash(made.trimmingCharacters(in: .newlines)))
        #expect(try await hash.matches("open sesame"))
        // One of crypt_blowfish's own.
        let bcrypt = try #require(PasswordHash("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
        #expect(try await bcrypt.matches("U*U"))
        for text in ["", "open sesame", "$1$abcdefgh$iQnYy2yqEw7y6eZ3q2h4X1", "$6$", "abJnggxhB/yWI"] {
            #expect(PasswordHash(text) == nil)
        }
    }

    @Test func `nobody's hash has no password, and is as slow as a new one`() async throws {
        #expect(try await !PasswordHash.ofNobody.matches(""))
        let cost = PasswordHash.ofNobody.text.split(separator: "$").prefix(2)
        #expect(try await PasswordHash(hashing: "a").text.split(separator: "$").prefix(2) == cost)
        // What libcrypt does not understand it refuses at once: its salt is one.
        let salt = PasswordHash.ofNobody.text.split(separator: "$")[2]
        let same = try #require(PasswordHash("$y$j9T$\(salt)$aD.BybmqgtmMTN6Re9yoLQomUb4Cuk.3hdzakX9aOr3"))
        #expect(try await same.matches("x"))
    }
}
