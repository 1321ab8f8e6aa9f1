from nameko.events import event_handler
from nameko.rpc import rpc


class Payments:
    name = "payments"

    @rpc
    def charge(self, customer, euros):
        return 1000 + euros

    @event_handler("orders", "order.placed")
    def book(self, order):
        return f"{order['customer']} bought a {order['sku']}"
