import Enoki
import EnokiRunner

@main struct Greetings: ServiceRunner {
    var services: [any Microservice] {
        Greeter()
        Guestbook()
        Visitor()
    }
}
