// A test of services meets their types and the clock: one import gives them.
@_exported public import Enoki
@_exported public import EnokiInProcess
