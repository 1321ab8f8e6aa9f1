public import Enoki

extension ServiceSettings {
    /// The defaults for tests: no limit to how often a message comes back (``Enoki/ServiceSettings/deliveryLimit``). No process of a
    /// test dies of its messages, and those that a fault brings back to another one need not wait for the test's clock. Nobody looks
    /// for blocked threads (``Enoki/ServiceSettings/stallThreshold``): the tests of a process share them.
    public static var testing: ServiceSettings {
        var settings = ServiceSettings()
        settings.deliveryLimit = 0
        settings.stallThreshold = .zero
        return settings
    }
}
