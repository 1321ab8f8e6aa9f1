// A service author meets messages, headers and broker errors, and logs: one import gives them.
@_exported public import EnokiBroker
@_exported public import Logging
