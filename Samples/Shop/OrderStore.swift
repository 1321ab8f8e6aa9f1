import Enoki

/// Keeps the orders: a dependency provider of our own, which stands for a database that all instances would share.
actor OrderStore: DependencyProvider {
    private var orders: [Order] = []

    func add(customer: String, sku: String, quantity: Int, euros: Int) -> Order {
        let order = Order(id: orders.count + 1, customer: customer, sku: sku, quantity: quantity, euros: euros)
        orders.append(order)
        return order
    }
}
