import Enoki

/// What there is to sell; like the ``OrderStore`` it stands for something that all instances would share.
actor Shelves: DependencyProvider {
    private var levels = ["teapot": 8, "cup": 12]
    private var prices = ["teapot": 20, "cup": 5]

    func level(of sku: String) -> Int { levels[sku, default: 0] }

    func price(of sku: String) -> Int { prices[sku, default: 0] }

    func take(_ quantity: Int, of sku: String) { levels[sku, default: 0] -= quantity }

    /// Buys more, and returns the new price: what sells well costs a euro more.
    func fill(_ sku: String) -> Int {
        levels[sku, default: 0] += 10
        prices[sku, default: 0] += 1
        return price(of: sku)
    }

    var description: String {
        levels.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    }
}
