// Who runs tests on both brokers meets the whole of EnokiTesting: one import gives it.
@_exported public import EnokiTesting
