@testable import IgropyrBalancer
import IgropyrConfiguration
import IgropyrHTTP
import IgropyrUV

/// A balancer's configuration file, as an operator may have mangled it.
enum ConfigurationTarget: FuzzTarget {
    static let name = "configuration"

    static func run(_ input: [UInt8]) {
        do throws(ConfigurationError) {
            let configuration = try BalancerConfiguration(input, file: "balancer.yaml")
            check(configuration)
        } catch {
            check(error, lines: input.count { $0 == 0x0A || $0 == 0x0D || $0 >= 0x80 } + 1)
            do throws(ConfigurationError) {
                _ = try BalancerConfiguration(input, file: "balancer.yaml")
                fatalError("what is wrong is right the second time")
            } catch let again { require(again == error, "what is wrong depends on the moment") }
        }
    }

    /// Each mistake is told in a line, which says where it is.
    private static func check(_ error: ConfigurationError, lines: Int) {
        require((1...ConfigurationError.limitIssues).contains(error.issues.count) && error.omitted >= 0)
        for issue in error.issues {
            let position = issue.position ?? Position(line: 1, column: 1)
            require((1...lines + 1).contains(position.line) && position.column >= 1, "a place outside the file")
            require(!issue.problem.isEmpty)
            let text = (issue.path + issue.problem).unicodeScalars
            require(text.allSatisfy { $0.properties.generalCategory != .control }, "an error has control characters")
        }
        let told = error.description.split(separator: "\n", omittingEmptySubsequences: false).count
        require(told == error.issues.count + (error.omitted > 0 ? 1 : 0), "an error takes more than its line")
    }

    /// A balancer can go by what was understood.
    private static func check(_ configuration: BalancerConfiguration) {
        var settings = BalancerSettings(listen: .loopback(port: 0))
        configuration.apply(to: &settings)
        require(!configuration.listeners.isEmpty, "a balancer listens somewhere")
        for application in configuration.applications.values { check(application.settings) }
        let snapshot = UpstreamSnapshot(nil, rules: rules(of: configuration), defaults: settings.application)
        for request in requests { check(request, by: snapshot) }
    }

    private static func check(_ settings: ApplicationSettings) {
        require((settings.loadBound ?? 1) >= 1 && settings.retries >= 0 && settings.requestsPerWorker >= 1)
        require(settings.connectTimeout > .zero && settings.responseTimeout > .zero && settings.slowStart >= .zero)
        var serializer = HTTPSerializer()
        for field in settings.requestFields.added + settings.responseFields.added {
            do { try serializer.appendField(field.name, field.value) } catch { fatalError("a field cannot be sent") }
        }
    }

    /// As they stand; names are not looked up.
    private static func rules(of configuration: BalancerConfiguration) -> TrafficRules {
        var rules = TrafficRules()
        rules.routes = configuration.routes
        rules.defaultApplication = configuration.defaultApplication
        for (name, application) in configuration.applications {
            rules.settings[name] = application.settings
            rules.fixedWorkers[name] = (application.upstreams ?? []).prefix(2).compactMap { upstream in
                SocketAddress(upstream.address.host, port: upstream.address.port).map {
                    TrafficRules.FixedWorker($0, weight: upstream.weight)
                }
            }
        }
        return rules
    }

    private static let requests = [
        "GET /a/b?c=d HTTP/1.1\r\nHost: a.example.org\r\nCookie: a=b\r\nX: y\r\n\r\n",
        "GET http://example.org HTTP/1.1\r\nHost: example.org\r\n\r\n",
    ].map { Array($0.utf8) }

    private static func check(_ request: [UInt8], by snapshot: UpstreamSnapshot) {
        var parser = HTTPParser.requests()
        guard case .head? = try? parser.next(in: request.span.bytes) else { fatalError("no request") }
        let head = parser.head
        switch snapshot.destination(head, request.span.bytes) {
        case .nowhere: break
        case .application(let position, let settings):
            require(snapshot.applications.indices.contains(position))
            _ = settings.values.hashKey.hash(head, request.span.bytes, source: nil)
        case .redirect(let rule):
            guard let location = rule.action.location(head, request.span.bytes) else { return }
            var serializer = HTTPSerializer()
            let text = String(decoding: location, as: UTF8.self)
            do { try serializer.appendField("Location", text) } catch { fatalError("no field") }
        }
    }
}
