internal import IgropyrUV
public import Metrics

/// Keeps what swift-metrics is told and writes it as Prometheus reads it (text format 0.0.4).
///
/// ```swift
/// let metrics = PrometheusMetrics()
/// MetricsSystem.bootstrap(metrics)  // Those of other libraries, too.
/// app.metrics("/metrics", from: metrics)
/// ```
///
/// Counters become counters; meters, and recorders that do not aggregate, gauges; timers (in seconds) and other
/// recorders histograms. What Prometheus cannot have in a name becomes `_`. At most ``seriesLimit`` series are kept:
/// further ones go nowhere and are counted in `metrics_dropped_series_total`, and so are those whose name has another
/// type already.
public final class PrometheusMetrics: MetricsFactory, Sendable {
    private struct Family {
        let kind: PrometheusText.Kind
        /// By their labels as written.
        var series: [String: any Series] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var count = 0
        var dropped = 0
    }

    public let seriesLimit: Int
    private let state = Locked(State())

    public init(seriesLimit: Int = 10_000) { self.seriesLimit = seriesLimit }

    /// All series in the order of their names.
    public func text() -> String {
        let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
        var text = PrometheusText()
        text.beginFamily("metrics_dropped_series_total", .counter)
        text.add("metrics_dropped_series_total", "", dropped)
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text.beginFamily(name, family.kind)
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name, labels, to: &text)
            }
        }
        return text.text
    }

    // MARK: Factory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter) { CounterSeries() } ?? NOOPMetricsHandler.instance
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge) { GaugeSeries() } ?? NOOPMetricsHandler.instance
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else {
            return series(label, dimensions, .gauge) { GaugeSeries() } ?? NOOPMetricsHandler.instance
        }
        return series(label, dimensions, .histogram) { HistogramSeries() } ?? NOOPMetricsHandler.instance
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram) { HistogramSeries() } ?? NOOPMetricsHandler.instance
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// The series of that name and those labels, which is made at the first call.
    private func series<Made: Series>(
        _ label: String, _ dimensions: [(String, String)], _ kind: PrometheusText.Kind, _ make: () -> Made
    ) -> Made? {
        let name = label.asMetricName
        let labels = dimensions.map { PrometheusText.label($0.0.asLabelName, $0.1) }.joined(separator: ",")
        return state.withLock { state in
            if let known = state.families[name]?.series[labels] as? Made { return known }
            guard state.families[name, default: Family(kind: kind)].kind == kind, state.count < seriesLimit else {
                state.dropped += 1
                return nil
            }
            let made = make()
            state.count += 1
            state.families[name, default: Family(kind: kind)].series[labels] = made
            return made
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                for (labels, series) in family.series where series === handler {
                    state.families[name]?.series[labels] = nil
                    state.count -= 1
                }
            }
        }
    }
}

extension String {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    fileprivate var asMetricName: String { asName { $0 == UInt8(ascii: ":") } }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    fileprivate var asLabelName: String { asName { _ in false } }

    private func asName(_ isAllowed: (UInt8) -> Bool) -> String {
        var name: [UInt8] = []
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): name.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if name.isEmpty { name.append(UInt8(ascii: "_")) }
                name.append(byte)
            default: name.append(isAllowed(byte) ? byte : UInt8(ascii: "_"))
            }
        }
        return name.isEmpty ? "_" : String(decoding: name, as: UTF8.self)
    }
}
