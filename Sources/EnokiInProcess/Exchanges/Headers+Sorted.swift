import EnokiBroker

extension Headers {
    /// The same table in the order of the names: as RabbitMQ compares the arguments of bindings, and leaves a table that it
    /// has written to.
    var sortedByName: Headers {
        var table = Headers()
        for element in self.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            table.append(element.name, element.value)
        }
        return table
    }
}
