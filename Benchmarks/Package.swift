// swift-tools-version: 6.2
import PackageDescription

// What the benchmarks run beside the product's own programs; a package of its own, so that users do not resolve it.

let package = Package(
    name: "Benchmarks",
    dependencies: [.package(name: "igropyr", path: "..")],
    targets: [
        .executableTarget(
            name: "Constant", dependencies: [.product(name: "Igropyr", package: "igropyr")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault"), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "KeyTables", dependencies: [.product(name: "IgropyrParts", package: "igropyr")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault"), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "PathPatterns", dependencies: [.product(name: "IgropyrParts", package: "igropyr")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault"), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "SimulatedHosts", dependencies: [.product(name: "IgropyrParts", package: "igropyr")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault"), .treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "AcceptStorm", dependencies: [.product(name: "IgropyrUV", package: "igropyr")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault"), .treatAllWarnings(as: .error)]),
    ]
)
