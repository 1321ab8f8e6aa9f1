import Enoki

/// The prices that one instance has heard of, so that it need not ask again.
actor PriceList: DependencyProvider {
    private var euros: [String: Int] = [:]

    func price(of sku: String, orElse ask: @Sendable () async throws -> Int) async rethrows -> Int {
        if let known = euros[sku] { return known }
        let price = try await ask()
        euros[sku] = price
        return price
    }

    func note(_ price: Int, for sku: String) { euros[sku] = price }
}
