/// What Prometheus reads, in the making: its text format, version 0.0.4.
///
/// A family is ``beginFamily(_:_:help:)``, then all its samples, whose names begin with the family's. Names and values
/// of labels are the caller's to make valid; ``label(_:_:)`` does it for one.
package struct PrometheusText {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""

    package init() {}

    package mutating func beginFamily(_ name: String, _ kind: Kind, help: String? = nil) {
        if let help { text += "# HELP \(name) \(help)\n" }
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Takes labels as ``label(_:_:)`` writes them, with commas between; none if empty.
    package mutating func add(_ name: String, _ labels: String = "", _ value: some BinaryInteger) {
        text += "\(name)\(inBraces(labels)) \(value)\n"
    }

    package mutating func add(_ name: String, _ labels: String = "", _ value: Double) {
        text += "\(name)\(inBraces(labels)) \(value.prometheusText)\n"
    }

    /// Takes how many values are up to each of the bounds and above the one before it; last, those above all.
    package mutating func addHistogram(
        _ name: String, _ labels: String = "", bounds: [Double], counts: [UInt64], sum: Double
    ) {
        let comma = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (bound, count) in zip(bounds + [.infinity], counts) {
            total += count
            text += "\(name)_bucket{\(labels)\(comma)le=\"\(bound.prometheusText)\"} \(total)\n"
        }
        add(name + "_sum", labels, sum)
        add(name + "_count", labels, total)
    }

    package static func label(_ name: String, _ value: String) -> String { "\(name)=\"\(value.asLabelValue)\"" }

    private func inBraces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }
}

extension Double {
    /// As Prometheus parses it.
    fileprivate var prometheusText: String {
        switch self {
        case .infinity: "+Inf"
        case -.infinity: "-Inf"
        default: isNaN ? "NaN" : self == rounded() && magnitude < 1e15 ? "\(Int64(self))" : "\(self)"
        }
    }
}

extension String {
    fileprivate var asLabelValue: String {
        var value = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\\": value += "\\\\"
            case "\"": value += "\\\""
            case "\n": value += "\\n"
            default: value.unicodeScalars.append(scalar)
            }
        }
        return value
    }
}
