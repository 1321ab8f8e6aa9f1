// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that who uses Enoki builds none of it.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "enoki-benchmarks",
    platforms: [.macOS(.v26)],
    products: [
        .executable(name: "framework", targets: ["EnokiBenchmark"]),
        .executable(name: "plain", targets: ["PlainBenchmark"]),
        .executable(name: "port", targets: ["PortBenchmark"]),
        .executable(name: "scaling", targets: ["ScalingBenchmark"]),
        .executable(name: "tests", targets: ["TestBenchmark"]),
    ],
    dependencies: [
        .package(name: "enoki", path: ".."),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
    ],
    targets: [
        .executableTarget(
            name: "EnokiBenchmark",
            dependencies: [
                .product(name: "Enoki", package: "enoki"),
                .product(name: "EnokiInProcess", package: "enoki"),
                .product(name: "EnokiRabbitMQ", package: "enoki"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "ScalingBenchmark",
            dependencies: [
                .product(name: "EnokiBroker", package: "enoki"),
                .product(name: "EnokiInProcess", package: "enoki"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "TestBenchmark",
            dependencies: [.product(name: "EnokiTesting", package: "enoki")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "PortBenchmark",
            dependencies: [
                .product(name: "EnokiAMQP", package: "enoki"),
                .product(name: "EnokiInProcess", package: "enoki"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(name: "PlainBenchmark", linkerSettings: [.linkedLibrary("rabbitmq")]),
    ]
)
