public import Igropyr

extension App {
    /// Serves for the length of `body`, on a free port of the loopback, and stops.
    ///
    /// ```swift
    /// @Test func `a book is found by its number`() async throws {
    ///     try await makeApp().test { client in
    ///         let response = try await client.get("/books/7")
    ///         #expect(response.status == .ok)
    ///         #expect(try response.decode(Book.self).title == "Emma")
    ///     }
    /// }
    /// ```
    ///
    /// It is the server as it ships that answers, with its limits, its time-outs and all middleware. Of
    /// ``App/Configuration`` nothing is changed but the address; several may run at once.
    /// - Throws: what is wrong with the application's routes and settings; what `body` throws.
    public func test<Result>(_ body: (TestClient) async throws -> Result) async throws -> Result {
        let server = try await start()
        let client: TestClient
        do {
            client = try TestClient(server.address, isEncrypted: self.tls != nil)
        } catch {
            try? await server.stop()  // That there is no client says more.
            throw error
        }
        let result: Result
        do {
            result = try await body(client)
        } catch {
            try? await client.close()  // What the test found says more.
            try? await server.stop()
            throw error
        }
        try await client.close()
        try await server.stop()
        return result
    }
}
