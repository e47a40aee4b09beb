internal import HTTPTypes
internal import Igropyr
internal import IgropyrConfiguration
internal import IgropyrText

extension Schema where Value == String {
    /// The end of names behind the last dot; empty for names without one.
    static var fileEnd: Schema<String> {
        .text("the end of a name, such as html") { text in
            let end = text.hasPrefix(".") ? text.dropFirst() : text[...]
            return end.utf8.count <= 64 && !end.contains("/") && !end.contains(".") ? end.lowercased() : nil
        }
    }

    static var mediaType: Schema<String> {
        .text("a media type, such as text/html") { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            let isType = parts.count >= 2 && !parts[0].isEmpty && !parts[1].isEmpty && HTTPField.isValidValue(text)
            return isType ? text : nil
        }
    }

    /// Of a file or folder that need not be there; without the slash that a folder's may end with.
    static var governedPath: Schema<String> {
        .text("a path from the root, such as /admin") { text in
            let path = text.hasSuffix("/") ? String(text.dropLast()) : text
            let isPath = path.pathNames.dropFirst().allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            return path.hasPrefix("/") && isPath ? path : nil
        }
    }

    static var rootedPath: Schema<String> {
        .text("a file's path from the root, such as /errors/404.html") { text in
            let names = text.pathNames.dropFirst()
            return text.hasPrefix("/") && names.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." } ? text : nil
        }
    }
}

extension Schema where Value == Int {
    static var status: Schema<Int> {
        .text("a status from 400 to 599") { text in
            Int(text).flatMap { (400...599).contains($0) && text.utf8.count == 3 ? $0 : nil }
        }
    }
}

extension Schema where Value == HTTPField.Name {
    /// One that may be set.
    static var fieldName: Schema<HTTPField.Name> {
        .text("the name of a field other than those of connections and framing") { text in
            guard let name = HTTPField.Name(text), !reserved.contains(name.canonicalName) else { return nil }
            return name
        }
    }

    private static var reserved: Set<String> {
        [
            "connection", "content-length", "content-encoding", "date", "keep-alive", "server", "te", "trailer",
            "transfer-encoding", "upgrade",
        ]
    }
}

extension Schema where Value == CachePolicy {
    /// One value for all files, or values by patterns.
    static var caching: Schema<CachePolicy> {
        .short(
            Schema<String>.fieldValue.map { CachePolicy($0) },
            or: Schema<[(key: String, value: String)]>.mapping(
                keys: .string(bytes: 1...256), values: .fieldValue, limit: 100
            ).map { rules in
                var policy = CachePolicy()
                for (pattern, value) in rules { policy.add(pattern, value) }
                return policy
            })
    }
}

extension Schema where Value == FolderListing {
    static func listing(in folder: SiteFolder) -> Schema<FolderListing> {
        .section { section in
            var listing = FolderListing()
            section.read("limit", .integer(in: 1...100_000), into: &listing.itemLimit)
            section.read("dotfiles", .bool, into: &listing.showsDotfiles)
            let template = section.value(
                "template",
                Schema<ListingTemplate>.text("a template") { (text: String) throws(ListingTemplate.Invalid) in
                    try ListingTemplate(text)
                })
            if let template { listing.page = { contents in template.page(contents) } }
            return listing
        }
    }
}

extension Schema where Value == SiteAuthentication {
    static var authentication: Schema<SiteAuthentication> {
        .oneOf([
            "basic": .section { section in
                let realm = section.value("realm", .fieldValue) ?? "this site"
                let users = section.require(
                    "users", .mapping(keys: .userName, values: Schema<PasswordHash>.passwordHash, limit: 1000))
                return users.map { users in
                    .basic(realm: realm, users: Dictionary(users.map { ($0.key, $0.value) }) { first, _ in first })
                }
            },
            "bearer": .section { section in
                let tokens = section.require(
                    "tokens", .mapping(keys: .userName, values: Schema<TokenHash>.tokenHash, limit: 1000))
                return tokens.map { tokens in
                    .bearer(tokens: Dictionary(tokens.map { ($0.key, $0.value) }) { first, _ in first })
                }
            },
        ])
    }
}

extension Schema where Value == String {
    fileprivate static var userName: Schema<String> {
        .text("a name without a colon") { $0.isEmpty || $0.contains(":") || $0.utf8.count > 128 ? nil : $0 }
    }
}

extension Schema where Value == PasswordHash {
    fileprivate static var passwordHash: Schema<PasswordHash> {
        .text("a password's hash, as `openssl passwd -6` prints it, within single quotes") { PasswordHash($0) }
    }
}

extension Schema where Value == TokenHash {
    fileprivate static var tokenHash: Schema<TokenHash> {
        .text("a token's hash: sha256: and what `printf %s TOKEN | sha256sum` prints") { TokenHash($0) }
    }
}

extension Schema where Value == PathRule {
    static func pathRule(isRedirect: Bool) -> Schema<PathRule> {
        .section { section in
            let from = section.require("from", .string(bytes: 1...1024))
            let to = section.require("to", .string(bytes: 1...1024))
            var status = HTTPResponse.Status.movedPermanently
            if isRedirect, let code = section.value("status", .redirectStatus) { status = .init(code: code) }
            guard let from, let to else { return nil }
            do throws(PathRule.Invalid) {
                let rule = try PathRule(from, to: to, status: status)
                guard isRedirect || to.hasPrefix("/") else {
                    throw PathRule.Invalid(description: "a rewrite leads to a path: use redirects for other sites")
                }
                guard !isRedirect || !rule.leadsToItself else {
                    throw PathRule.Invalid(description: "its target is redirected again, without end")
                }
                return rule
            } catch {
                section.refuse("\(from) → \(to): \(error)")
                return nil
            }
        }
    }
}

extension Schema where Value == Int {
    fileprivate static var redirectStatus: Schema<Int> {
        .enumeration(["301": 301, "302": 302, "303": 303, "307": 307, "308": 308])
    }
}
