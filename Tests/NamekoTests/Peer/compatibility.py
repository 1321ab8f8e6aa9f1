"""What nameko 2 and nameko 3 name differently."""

try:
    from nameko import config  # nameko 3
except ImportError:
    config = None

if config is None:
    from nameko.rpc import RpcProxy, ServiceProxy
    from nameko.standalone.events import event_dispatcher
    from nameko.standalone.rpc import ClusterRpcProxy

    class ClusterRpc(RpcProxy):
        """A dependency that calls whatever service the method names: `self.services["peer"]`."""

        def __init__(self):
            super().__init__(target_service=None)

        def get_dependency(self, worker_ctx):
            return _Services(worker_ctx, self.rpc_reply_listener)

    class _Services:
        def __init__(self, worker_ctx, reply_listener):
            self.worker_ctx = worker_ctx
            self.reply_listener = reply_listener

        def __getitem__(self, service):
            return ServiceProxy(self.worker_ctx, service, self.reply_listener)

    def standalone_client(broker, **options):
        return ClusterRpcProxy({"AMQP_URI": broker}, **options)

    def standalone_dispatcher(broker):
        return event_dispatcher({"AMQP_URI": broker})

else:
    from nameko.rpc import ClusterRpc  # noqa: F401
    from nameko.standalone.events import event_dispatcher
    from nameko.standalone.rpc import ClusterRpcClient

    def standalone_client(broker, **options):
        config["AMQP_URI"] = broker
        return ClusterRpcClient(**options)

    def standalone_dispatcher(broker):
        return event_dispatcher(uri=broker)
