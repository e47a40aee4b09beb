// swift-tools-version: 6.2
import PackageDescription

// Feeds what parses peers' bytes with what a fuzzer makes up; a package of its own, since all of it is built with other
// flags, by `Fuzz/run`. Without them it does not link.

let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "igropyr", path: "..")],
    targets: [
        .systemLibrary(name: "CFuzzer"),
        .executableTarget(
            name: "Fuzz", dependencies: ["CFuzzer", .product(name: "IgropyrParts", package: "igropyr")],
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .treatAllWarnings(as: .error),
            ],
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),  // The linker gold fails at the sanitizers' symbols.
    ]
)
