// A service author meets messages, headers and broker errors: one import gives them.
@_exported public import EnokiBroker
