/// Lines over a plane, as SVG; both axes start at zero, the lower one may be logarithmic.
struct Chart {
    struct Line {
        let name: String
        let points: [(x: Double, y: Double)]
    }

    let title: String
    let xTitle: String
    let yTitle: String
    let lines: [Line]
    var isLogarithmic = false

    private static let size = (width: 640.0, height: 360.0)
    private static let margin = (left: 64.0, right: 120.0, top: 36.0, bottom: 48.0)
    private static let colors = ["#0b6", "#c33", "#36c", "#a60"]

    var svg: String {
        let (width, height) = Self.size
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" \
            font-family="sans-serif" font-size="12">
            """,
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
            text(title, at: (Self.margin.left, 20), weight: "bold"),
            text(xTitle, at: (Self.margin.left, height - 10)),
            text(yTitle, at: (4, Self.margin.top - 4)),
        ]
        parts += yTicks.flatMap(yTick) + xTicks.map(xTick)
        for (index, line) in lines.enumerated() { parts += draw(line, Self.colors[index % Self.colors.count], index) }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    // MARK: - Axes

    private var xTicks: [Double] { Array(Set(lines.flatMap { $0.points.map(\.x) })).sorted() }

    private var highest: Double {
        let most = lines.flatMap { $0.points.map(\.y) }.max() ?? 1
        var step = 1e-3
        while step * 10 < most { step *= 10 }
        return max(step, (most / step).rounded(.up) * step)
    }

    private var yTicks: [Double] { (0...4).map { highest * Double($0) / 4 } }

    private func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
        let (low, high) = (scaled(xTicks.first ?? 0), scaled(xTicks.last ?? 1))
        let right = Self.size.width - Self.margin.right
        let bottom = Self.size.height - Self.margin.bottom
        let share = high > low ? (scaled(point.x) - low) / (high - low) : 0
        return (
            Self.margin.left + share * (right - Self.margin.left),
            bottom - point.y / highest * (bottom - Self.margin.top)
        )
    }

    /// log₂ by hand: close enough for a place on paper, exact for powers of two.
    private func scaled(_ x: Double) -> Double {
        guard isLogarithmic, x > 0 else { return x }
        return Double(x.exponent) + (x.significand - 1) * (1.3466 - 0.3466 * (x.significand - 1))
    }

    private func xTick(_ x: Double) -> String {
        let spot = place((x, 0))
        return text(Self.number(x), at: (spot.x, spot.y + 16), anchor: "middle")
    }

    private func yTick(_ y: Double) -> [String] {
        let spot = place((xTicks.first ?? 0, y))
        let right = Self.size.width - Self.margin.right
        return [
            "<path d=\"M\(Self.number(spot.x)) \(Self.number(spot.y))H\(Self.number(right))\" stroke=\"#ddd\"/>",
            text(Self.number(y), at: (spot.x - 6, spot.y + 4), anchor: "end"),
        ]
    }

    // MARK: - Marks

    private func draw(_ line: Line, _ color: String, _ index: Int) -> [String] {
        let spots = line.points.map(place)
        let path = spots.map { "\(Self.number($0.x)) \(Self.number($0.y))" }.joined(separator: "L")
        let right = Self.size.width - Self.margin.right + 10
        return [
            "<path d=\"M\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>",
            text(line.name, at: (right, Self.margin.top + 16 * Double(index + 1)), color: color),
        ]
    }

    private func text(
        _ text: String, at spot: (x: Double, y: Double), anchor: String = "start", weight: String = "normal",
        color: String = "#222"
    ) -> String {
        """
        <text x="\(Self.number(spot.x))" y="\(Self.number(spot.y))" text-anchor="\(anchor)" font-weight="\(weight)" \
        fill="\(color)">\(text)</text>
        """
    }

    private static func number(_ number: Double) -> String {
        var text = Text.fixed(number, number < 10 ? 2 : 1)
        while text.contains("."), text.hasSuffix("0") || text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
