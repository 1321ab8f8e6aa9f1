import Enoki
import EnokiRunner

/// The Swift half of a shop; the Python half is in `tests/payments.py`, and pytest runs both.
@main struct Polyglot: ServiceRunner {
    var services: [any Microservice] { Orders() }
}
