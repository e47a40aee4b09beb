// swift-tools-version: 6.2
import PackageDescription

// The targets stand in the order of their layers: each imports only what stands above it (docs/architecture.md).

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// Tests drive sockets and processes by the C library, where `unsafe` on each line would say nothing.
let testing: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let inMemoryTracing: Target.Dependency = .product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "igropyr",
    products: [
        .library(name: "Igropyr", targets: ["Igropyr"]),
        .library(name: "IgropyrSites", targets: ["IgropyrSites"]),
        .library(name: "IgropyrPostgreSQL", targets: ["IgropyrPostgreSQL"]),
        .library(name: "IgropyrMySQL", targets: ["IgropyrMySQL"]),
        .library(name: "IgropyrRedis", targets: ["IgropyrRedis"]),
        .library(name: "IgropyrJWT", targets: ["IgropyrJWT"]),
        .library(name: "IgropyrPasswords", targets: ["IgropyrPasswords"]),
        .library(name: "IgropyrTesting", targets: ["IgropyrTesting"]),
        .library(name: "IgropyrMembership", targets: ["IgropyrMembership"]),
        .library(name: "IgropyrUV", targets: ["IgropyrUV"]),  // For `Benchmarks`; no promise about its interface.
        // For `Fuzz` and `Benchmarks`; no promise either.
        .library(
            name: "IgropyrParts",
            targets: [
                "IgropyrTime", "IgropyrText", "IgropyrHTTP", "IgropyrCoding", "IgropyrPatterns", "IgropyrGossip",
                "IgropyrDNS",
                "IgropyrHashing", "IgropyrOrchestration", "IgropyrBundles", "IgropyrConfiguration", "IgropyrUV",
                "IgropyrTransport", "IgropyrInsight", "IgropyrCluster", "IgropyrBalancer", "Igropyr", "IgropyrSites",
            ]),
        .executable(name: "igropyr", targets: ["IgropyrCLI"]),
        .library(name: "IgropyrSimulation", targets: ["IgropyrSimulation"]),
        .executable(name: "MembershipSimulation", targets: ["MembershipSimulation"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.2.0"),
    ],
    targets: [
        // System libraries: a module map and a shim header, no logic.
        .systemLibrary(name: "CLibUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CLinux"),

        // Cores: values in, decisions out; no socket, clock, random source or logger.
        .target(name: "IgropyrTime", swiftSettings: strict),
        .target(name: "IgropyrText", swiftSettings: strict),
        .target(name: "IgropyrHTTP", dependencies: ["IgropyrTime", httpTypes], swiftSettings: strict),
        .target(
            name: "IgropyrCoding", dependencies: ["CZlib", "CBrotli", "CZstd", "IgropyrHTTP"], swiftSettings: strict),
        .target(name: "IgropyrPatterns", swiftSettings: strict),
        .target(
            name: "IgropyrGossip", dependencies: ["IgropyrTime", "IgropyrText", "IgropyrPatterns", crypto],
            swiftSettings: strict),
        .target(name: "IgropyrDNS", dependencies: ["IgropyrTime"], swiftSettings: strict),
        .target(name: "IgropyrHashing", swiftSettings: strict),
        .target(
            name: "IgropyrOrchestration",
            dependencies: ["IgropyrTime", "IgropyrText", "IgropyrHashing", "IgropyrPatterns"], swiftSettings: strict),
        .target(
            name: "IgropyrSimulation",
            dependencies: ["IgropyrTime", "IgropyrGossip", "IgropyrHashing", "IgropyrOrchestration"],
            swiftSettings: strict),
        .target(
            name: "IgropyrBundles", dependencies: ["IgropyrTime", "IgropyrText", "IgropyrOrchestration", crypto],
            swiftSettings: strict),
        .target(name: "IgropyrConfiguration", dependencies: [yams], swiftSettings: strict),

        // The world.
        .target(
            name: "IgropyrUV", dependencies: ["CLibUV", "CLinux", "IgropyrTime", "IgropyrText"], swiftSettings: strict),
        .target(
            name: "IgropyrTransport",
            dependencies: [
                "COpenSSL", "CNGHTTP2", "IgropyrTime", "IgropyrText", "IgropyrHTTP", "IgropyrCoding", "IgropyrUV",
                crypto,
            ],
            swiftSettings: strict),

        // Databases: each with its own C library, so that who uses none links none.
        .target(
            name: "IgropyrDatabase", dependencies: ["IgropyrTime", "IgropyrUV", logging, metrics], swiftSettings: strict
        ),
        .target(
            name: "IgropyrPostgreSQL",
            dependencies: ["CPostgreSQL", "IgropyrTime", "IgropyrText", "IgropyrDatabase", "IgropyrUV"],
            swiftSettings: strict),
        .target(
            name: "IgropyrMySQL", dependencies: ["CMariaDB", "IgropyrTime", "IgropyrDatabase", "IgropyrUV"],
            swiftSettings: strict),
        .target(
            name: "IgropyrRedis",
            dependencies: [
                "CHiredis", "IgropyrTime", "IgropyrText", "IgropyrDatabase", "IgropyrUV", "IgropyrTransport", crypto,
            ],
            swiftSettings: strict),

        // Services.
        .target(
            name: "IgropyrInsight", dependencies: ["IgropyrText", "IgropyrHTTP", "IgropyrUV", logging, metrics],
            swiftSettings: strict),
        .target(
            name: "Igropyr",
            dependencies: [
                "IgropyrTime", "IgropyrText", "IgropyrHTTP", "IgropyrCoding", "IgropyrUV", "IgropyrTransport",
                "IgropyrInsight", crypto, logging, httpTypes, metrics, tracing, lifecycle,
            ],
            swiftSettings: strict),
        .target(name: "IgropyrPasswords", dependencies: ["CCrypt", "Igropyr"], swiftSettings: strict),
        .target(
            name: "IgropyrSites",
            dependencies: [
                "IgropyrTime", "IgropyrText", "IgropyrHTTP", "IgropyrPatterns", "IgropyrConfiguration", "IgropyrUV",
                "IgropyrInsight", "Igropyr", "IgropyrPasswords", crypto, logging, httpTypes, mustache,
            ],
            resources: [.embedInCode("Scheme")],
            swiftSettings: strict),
        .target(name: "IgropyrJWT", dependencies: ["IgropyrUV", "Igropyr", jwtKit], swiftSettings: strict),
        .target(
            name: "IgropyrTesting",
            dependencies: ["IgropyrHTTP", "IgropyrTransport", "IgropyrUV", "Igropyr", httpTypes], swiftSettings: strict),
        .target(
            name: "IgropyrMembership",
            dependencies: ["IgropyrTime", "IgropyrGossip", "IgropyrDNS", "IgropyrUV", logging, metrics],
            swiftSettings: strict),
        .target(
            name: "IgropyrCluster",
            dependencies: [
                "CArchive", "CLinux", "IgropyrTime", "IgropyrText", "IgropyrHTTP", "IgropyrGossip", "IgropyrHashing",
                "IgropyrOrchestration", "IgropyrBundles", "IgropyrConfiguration", "IgropyrUV", "IgropyrTransport",
                "IgropyrMembership", crypto, logging,
            ],
            swiftSettings: strict),
        .target(
            name: "IgropyrBalancer",
            dependencies: [
                "IgropyrTime", "IgropyrText", "IgropyrHTTP", "IgropyrCoding", "IgropyrPatterns", "IgropyrHashing",
                "IgropyrOrchestration", "IgropyrConfiguration", "IgropyrUV", "IgropyrTransport", "IgropyrInsight",
                "IgropyrMembership", "IgropyrCluster", logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "IgropyrCLI",
            dependencies: [
                "IgropyrText", "IgropyrHTTP", "IgropyrGossip", "IgropyrOrchestration", "IgropyrConfiguration",
                "IgropyrUV", "IgropyrTransport", "Igropyr", "IgropyrSites", "IgropyrMembership", "IgropyrCluster",
                "IgropyrBalancer", argumentParser, logging,
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "MembershipSimulation",
            dependencies: ["IgropyrSimulation", "IgropyrGossip", "IgropyrTime", argumentParser],
            swiftSettings: strict),
        .executableTarget(
            name: "Hello", dependencies: ["Igropyr"], path: "Examples/Hello", exclude: ["igropyr.yaml"],
            swiftSettings: strict),
        .executableTarget(name: "Todos", dependencies: ["Igropyr"], path: "Examples/Todos", swiftSettings: strict),
        .executableTarget(name: "Upload", dependencies: ["Igropyr"], path: "Examples/Upload", swiftSettings: strict),
        .executableTarget(name: "Clock", dependencies: ["Igropyr"], path: "Examples/Clock", swiftSettings: strict),
        .executableTarget(name: "Chat", dependencies: ["Igropyr"], path: "Examples/Chat", swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["IgropyrDatabase", "IgropyrUV", logging], path: "Tests/TestSupport",
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrUVTests", dependencies: ["IgropyrUV", "IgropyrTime", "TestSupport"], swiftSettings: testing),
        .testTarget(
            name: "IgropyrHTTPTests", dependencies: ["IgropyrHTTP", "TestSupport", httpTypes], swiftSettings: testing),
        .testTarget(
            name: "IgropyrCodingTests", dependencies: ["IgropyrCoding", "IgropyrHTTP"], swiftSettings: testing),
        .testTarget(name: "IgropyrTextTests", dependencies: ["IgropyrText"], swiftSettings: testing),
        .testTarget(name: "IgropyrPatternsTests", dependencies: ["IgropyrPatterns"], swiftSettings: testing),
        .testTarget(
            name: "IgropyrGossipTests",
            dependencies: ["IgropyrTime", "IgropyrText", "IgropyrGossip", "IgropyrSimulation"],
            resources: [.copy("Vectors")],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrDNSTests", dependencies: ["IgropyrDNS", "IgropyrTime", "TestSupport"], swiftSettings: testing),
        .testTarget(
            name: "IgropyrHashingTests", dependencies: ["IgropyrHashing", "TestSupport"], swiftSettings: testing),
        .testTarget(
            name: "IgropyrOrchestrationTests",
            dependencies: ["IgropyrTime", "IgropyrGossip", "IgropyrOrchestration", "IgropyrSimulation", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrBundlesTests",
            dependencies: ["IgropyrBundles", "IgropyrOrchestration", "IgropyrTime", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrConfigurationTests", dependencies: ["IgropyrConfiguration"], swiftSettings: testing),
        .testTarget(
            name: "IgropyrTransportTests",
            dependencies: ["CNGHTTP2", "IgropyrTransport", "IgropyrTime", "IgropyrHTTP", "IgropyrUV", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrTests",
            dependencies: [
                "Igropyr", "IgropyrInsight", "IgropyrTime", "IgropyrTransport", "IgropyrUV", "TestSupport", httpTypes,
                logging, metrics, tracing, inMemoryTracing, lifecycle,
            ],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrSitesTests",
            dependencies: [
                "IgropyrSites", "Igropyr", "IgropyrConfiguration", "IgropyrText", "IgropyrTime", "IgropyrTransport",
                "IgropyrUV", "TestSupport", httpTypes,
            ],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrPasswordsTests", dependencies: ["IgropyrPasswords", "Igropyr", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrJWTTests",
            dependencies: [
                "IgropyrJWT", "Igropyr", "IgropyrTransport", "IgropyrUV", "TestSupport", jwtKit, logging,
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrTestingTests", dependencies: ["IgropyrTesting", "Igropyr", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrMembershipTests",
            dependencies: ["IgropyrGossip", "IgropyrUV", "Igropyr", "IgropyrMembership", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrClusterTests",
            dependencies: [
                "Igropyr", "IgropyrBundles", "IgropyrCluster", "IgropyrConfiguration", "IgropyrGossip", "IgropyrHTTP",
                "IgropyrMembership", "IgropyrOrchestration", "IgropyrText", "IgropyrTime", "IgropyrTransport",
                "IgropyrUV", "TestSupport", logging,
            ],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrBalancerTests",
            dependencies: [
                "Igropyr", "IgropyrBalancer", "IgropyrCluster", "IgropyrCoding", "IgropyrConfiguration",
                "IgropyrGossip", "IgropyrHashing", "IgropyrHTTP", "IgropyrInsight", "IgropyrMembership",
                "IgropyrOrchestration", "IgropyrTime", "IgropyrTransport", "IgropyrUV", "TestSupport",
            ],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrDatabaseTests",
            dependencies: [
                "IgropyrDatabase", "IgropyrPostgreSQL", "Igropyr", "IgropyrTime", "IgropyrUV", "TestSupport",
            ],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrMySQLTests", dependencies: ["IgropyrMySQL", "Igropyr", "IgropyrUV", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "IgropyrRedisTests", dependencies: ["IgropyrRedis", "Igropyr", "IgropyrUV", "TestSupport"],
            swiftSettings: testing),
        .testTarget(name: "EndToEndTests", swiftSettings: testing),
    ]
)
