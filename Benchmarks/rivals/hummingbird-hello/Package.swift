// swift-tools-version: 6.0
import PackageDescription

// Hummingbird as its users set it up; a package of its own, so that nobody else resolves SwiftNIO.

let package = Package(
    name: "HummingbirdHello",
    platforms: [.macOS(.v14)],
    dependencies: [.package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0")],
    targets: [
        .executableTarget(name: "Hello", dependencies: [.product(name: "Hummingbird", package: "hummingbird")])
    ]
)
