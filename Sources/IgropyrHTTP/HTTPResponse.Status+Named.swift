package import HTTPTypes

extension HTTPResponse.Status {
    /// The same with the phrase that is registered for its code, if it has none of its own.
    package var named: HTTPResponse.Status {
        guard reasonPhrase.isEmpty, let line = StatusLine.registered(code) else { return self }
        let phrase = line.description.utf8.dropFirst("HTTP/1.1 404 ".utf8.count).dropLast("\r\n".utf8.count)
        return HTTPResponse.Status(code: code, reasonPhrase: String(Substring(phrase)))
    }
}
