import Enoki

struct Guestbook: Microservice {
    static let name = "guestbook"

    let pages = Pages()

    var entrypoints: [any Entrypoint] {
        EventHandler("sign", sign)
        RPC("names", method: names)
    }

    func sign(_ greeted: Greeted) async {
        await pages.add(greeted.name)
        Logger.current.info("\(greeted.name) was here")
    }

    func names() async -> [String] { await pages.names }
}

actor Pages: DependencyProvider {
    private(set) var names: [String] = []

    func add(_ name: String) { names.append(name) }
}
