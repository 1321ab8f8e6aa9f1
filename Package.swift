// swift-tools-version: 6.2

import PackageDescription

/// Every Swift target is built the same way: language mode 6, and the upcoming features that keep imports private,
/// existentials visible and async functions on their caller.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "enoki",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "Enoki", targets: ["Enoki"]),
        .library(name: "EnokiAMQP", targets: ["EnokiAMQP"]),
        .library(name: "EnokiBroker", targets: ["EnokiBroker"]),
        .library(name: "EnokiInProcess", targets: ["EnokiInProcess"]),
        .library(name: "EnokiRabbitMQ", targets: ["EnokiRabbitMQ"]),
        .library(name: "EnokiRunner", targets: ["EnokiRunner"]),
        .library(name: "EnokiSQLite", targets: ["EnokiSQLite"]),
        .library(name: "EnokiTesting", targets: ["EnokiTesting"]),
        .library(name: "EnokiTestingTraits", targets: ["EnokiTestingTraits"]),
        .executable(name: "enoki", targets: ["EnokiTool"]),
        .executable(name: "shop", targets: ["shop"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        // swift-configuration reads YAML with it; named here only for its errors, which know the line.
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        // The rooms, in the order of Docs/Architecture.md: a module imports only modules above it.
        .systemLibrary(
            name: "CRabbitMQ",
            pkgConfig: "librabbitmq",
            providers: [.apt(["librabbitmq-dev", "libssl-dev"]), .brew(["rabbitmq-c", "openssl@3"])]
        ),
        .target(
            name: "EnokiBroker",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]
        ),
        .target(
            name: "EnokiInProcess",
            dependencies: [
                "EnokiBroker",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(
            name: "EnokiAMQP",
            dependencies: [
                "EnokiBroker", "EnokiInProcess",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        .target(
            name: "EnokiRabbitMQ",
            dependencies: [
                "EnokiBroker", "CRabbitMQ",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(
            name: "Enoki",
            dependencies: [
                "EnokiBroker",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        // A module of its own, so that nobody else builds and links SQLite.
        .target(
            name: "EnokiSQLite",
            dependencies: ["Enoki", "EnokiBroker", .product(name: "GRDB", package: "GRDB.swift")]
        ),
        .target(
            name: "EnokiTesting",
            dependencies: [
                "Enoki", "EnokiInProcess",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        // Imports Swift Testing, and so is for test targets alone.
        .target(
            name: "EnokiTestingTraits",
            dependencies: [
                "Enoki", "EnokiBroker", "EnokiInProcess", "EnokiRabbitMQ", "EnokiRabbitMQManagement", "EnokiTesting",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(name: "EnokiRabbitMQManagement"),
        .target(
            name: "EnokiRunner",
            dependencies: [
                "Enoki", "EnokiAMQP", "EnokiInProcess", "EnokiRabbitMQ", "EnokiRabbitMQManagement",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        // The tool `enoki`: commands that need no services.
        .executableTarget(
            name: "EnokiTool",
            dependencies: [
                "EnokiRunner",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),

        // Samples
        .executableTarget(
            name: "shop",
            dependencies: [
                "Enoki", "EnokiInProcess", "EnokiRunner",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Samples/Shop"
        ),
        // What Docs/GettingStarted.md builds.
        .executableTarget(name: "greetings", dependencies: ["Enoki", "EnokiRunner"], path: "Samples/Greetings"),
        // What Docs/TestingOtherLanguages.md tests from Python.
        .executableTarget(
            name: "polyglot",
            dependencies: ["Enoki", "EnokiRunner"],
            path: "Samples/Polyglot",
            exclude: ["tests"]
        ),

        // What EnokiRunnerTests start as a process.
        .executableTarget(
            name: "runner-fixture",
            dependencies: ["Enoki", "EnokiRunner", .product(name: "Logging", package: "swift-log")],
            path: "Tests/RunnerFixture"
        ),

        // What EnokiSQLiteTests start as a process, and kill.
        .executableTarget(
            name: "sqlite-fixture",
            dependencies: ["Enoki", "EnokiRunner", "EnokiSQLite", .product(name: "GRDB", package: "GRDB.swift")],
            path: "Tests/SQLiteFixture"
        ),

        // What kills and cuts: the driver, the program that it starts, and what both write and read.
        .target(name: "ChaosLedger", dependencies: ["Enoki"], path: "Tests/Chaos/Ledger"),
        .executableTarget(
            name: "chaos-worker",
            dependencies: [
                "ChaosLedger", "Enoki", "EnokiBroker", "EnokiRunner",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Chaos/Worker"
        ),
        .executableTarget(
            name: "chaos",
            dependencies: [
                "chaos-worker", "ChaosLedger", "Enoki", "EnokiBroker", "EnokiInProcess", "EnokiRabbitMQ",
                "EnokiTestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Chaos/Driver"
        ),

        // Tests mirror Sources; EnokiTestSupport gives them the brokers.
        .target(
            name: "EnokiTestSupport",
            dependencies: [
                "EnokiAMQP", "EnokiBroker", "EnokiInProcess", "EnokiRabbitMQ", "EnokiRabbitMQManagement",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/EnokiTestSupport"
        ),
        // Apart from the rest, since the chaos driver is a program, which has no library of tests.
        .target(name: "EnokiTestTraits", dependencies: ["EnokiTestSupport"], path: "Tests/EnokiTestTraits"),
        .testTarget(name: "EnokiTestSupportTests", dependencies: ["EnokiBroker", "EnokiTestSupport"]),
        .testTarget(name: "EnokiBrokerTests", dependencies: ["EnokiBroker", "EnokiTestTraits"]),
        .testTarget(
            name: "EnokiInProcessTests",
            dependencies: ["EnokiInProcess", "EnokiTestSupport", "EnokiTestTraits"]
        ),
        .testTarget(
            name: "EnokiAMQPTests",
            dependencies: [
                "EnokiAMQP", "EnokiBroker", "EnokiInProcess", "EnokiRabbitMQ", "EnokiTestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            exclude: ["Clients/Peer"]
        ),
        .testTarget(
            name: "EnokiRabbitMQTests",
            dependencies: ["EnokiAMQP", "EnokiInProcess", "EnokiRabbitMQ", "EnokiTestSupport", "EnokiTestTraits"]
        ),
        .testTarget(
            name: "ChaosTests",
            dependencies: [
                "chaos", "chaos-worker", "ChaosLedger", "Enoki", "EnokiBroker", "EnokiInProcess", "EnokiTestSupport",
                "EnokiTestTraits",
            ]
        ),
        .testTarget(
            name: "BrokerConformanceTests",
            dependencies: ["EnokiInProcess", "EnokiTestSupport", "EnokiTestTraits"]
        ),
        .testTarget(
            name: "EnokiTests",
            dependencies: ["Enoki", "EnokiTesting", "EnokiTestSupport"],
            resources: [.copy("Golden")]
        ),
        .testTarget(
            name: "EnokiSQLiteTests",
            dependencies: [
                "Enoki", "EnokiRabbitMQ", "EnokiSQLite", "EnokiTesting", "EnokiTestSupport", "sqlite-fixture",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        .testTarget(
            name: "EnokiTestingTests",
            dependencies: [
                "EnokiTesting", "EnokiTestSupport",
                .product(name: "Configuration", package: "swift-configuration"),
            ]
        ),
        .testTarget(
            name: "EnokiTestingTraitsTests",
            dependencies: ["EnokiRabbitMQ", "EnokiRabbitMQManagement", "EnokiTestingTraits", "EnokiTestSupport"]
        ),
        .testTarget(
            name: "EnokiRunnerTests",
            dependencies: [
                "EnokiAMQP", "EnokiInProcess", "EnokiRabbitMQ", "EnokiRunner", "EnokiTesting", "EnokiTestSupport",
                "EnokiTool",
                "runner-fixture",
            ]
        ),
        .testTarget(
            name: "NamekoTests",
            dependencies: ["Enoki", "EnokiInProcess", "EnokiRabbitMQ", "EnokiTesting", "EnokiTestSupport"],
            exclude: ["Peer"]
        ),
        // Compiles every piece of Swift in README.md and Docs.
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "greetings", "polyglot", "Enoki", "EnokiAMQP", "EnokiInProcess", "EnokiRabbitMQ", "EnokiSQLite",
                "EnokiTesting", "EnokiTestingTraits", "EnokiTestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(name: "PolyglotTests", dependencies: ["EnokiTestSupport", "polyglot"]),
        .testTarget(name: "ShopTests", dependencies: ["shop", "EnokiRabbitMQ", "EnokiTesting", "EnokiTestSupport"]),
    ]
)

// What `Scripts/fuzz` builds, under libFuzzer and the address sanitizer; nothing else can link it.
if Context.environment["ENOKI_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "enoki-fuzz",
            dependencies: [
                "CRabbitMQ", "Enoki", "EnokiAMQP", "EnokiBroker", "EnokiInProcess", "EnokiRabbitMQ", "EnokiRunner",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Fuzz",
            exclude: ["Corpus"]
        )
    )
}

for target in package.targets where target.type != .system {
    target.swiftSettings = swiftSettings
}

// `make docs` builds the documentation; nobody else pays for the plugin.
if Context.environment["ENOKI_DOCS"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin.git", from: "1.5.0"))
}
