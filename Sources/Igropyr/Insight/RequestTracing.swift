internal import HTTPTypes
internal import Tracing

/// A span for each request, from its head to its handler's response, by OpenTelemetry's conventions for HTTP servers
/// (v1.23). What the client sent of a trace (`traceparent`, with a tracer for W3C's format) goes on in it, and in
/// whatever the handler traces. A response that is streamed afterwards is not part of the span.
struct RequestTracing: Sendable {
    private let tracer: any Tracer

    /// Nil if nobody has bootstrapped a tracer.
    init?() {
        tracer = InstrumentationSystem.tracer
        guard !(tracer is NoOpTracer) else { return nil }
    }

    /// The action within a span.
    func around(_ action: Route.Action, at pattern: String, _ failures: FailurePages) -> Route.Action {
        switch action {
        case .immediate(let handler):
            .immediate { request in
                let span = begin(request, pattern)
                let response = ServiceContext.withValue(span.context) {
                    do { return try handler(request) } catch { return failures.response(to: error, request) }
                }
                end(span, response)
                return response
            }
        case .task(let handler):
            .task { request in
                let span = begin(request, pattern)
                let response = await ServiceContext.withValue(span.context) {
                    do { return try await handler(request) } catch { return failures.response(to: error, request) }
                }
                end(span, response, told: request.exchange?.status)
                return response
            }
        }
    }

    private func begin(_ request: Request, _ pattern: String) -> any Span {
        var context = ServiceContext.topLevel
        tracer.extract(request.fields, into: &context, using: FieldExtractor())
        let method = request.method.rawValue
        let span = tracer.startSpan(
            pattern.isEmpty ? method : "\(method) \(pattern)", context: context, ofKind: .server)
        span.updateAttributes { attributes in
            attributes["http.request.method"] = method
            attributes["url.path"] = request.path
            attributes["url.scheme"] = request.isEncrypted ? "https" : "http"
            if let query = request.queryText { attributes["url.query"] = query }
            if !pattern.isEmpty { attributes["http.route"] = pattern }
            if let host = request.authority { attributes["server.address"] = host }
            if let client = request.remoteAddress { attributes["client.address"] = client.hostText }
            if let agent = request.header("User-Agent") { attributes["user_agent.original"] = agent }
        }
        return span
    }

    /// `told` is the status that went out before there was a response, since the time was over; 0 or nil for none.
    private func end(_ span: any Span, _ response: Response, told: Int? = nil) {
        let status = if let told, told > 0 { told } else { response.status.code }
        span.attributes["http.response.status_code"] = status
        if status >= 500 {
            span.setStatus(SpanStatus(code: .error))
            if let failure = response.failure { span.recordError(failure) }
        }
        span.end()
    }
}

private struct FieldExtractor: Extractor {
    func extract(key: String, from carrier: HTTPFields) -> String? { HTTPField.Name(key).flatMap { carrier[$0] } }
}
