"""Real nameko services, for tests that let Swift and Python talk to each other.

    cd Tests/NamekoTests/Peer && python -m nameko run peer --broker amqp://...

The service `peer` offers RPC methods and dispatches events; it handles the events `tick` of the service that the
environment variable PEER_EVENT_SOURCE names, in all three modes. Each process has a service of its own besides,
`peer_<PEER_INSTANCE>`, which tells what that process received.
"""

import os
import stat
import sys

import eventlet
from nameko.constants import CALL_ID_STACK_CONTEXT_KEY
from nameko.events import BROADCAST, SERVICE_POOL, SINGLETON, EventDispatcher, event_handler
from nameko.extensions import DependencyProvider
from nameko.rpc import RpcProxy, ServiceProxy, rpc

EVENT_SOURCE = os.environ.get("PEER_EVENT_SOURCE", "swift")
INSTANCE = os.environ.get("PEER_INSTANCE", "0")

received_events = []


def exit_with_parent():
    """A test that crashes cannot stop its peer, but the pipe that is the peer's standard input breaks."""
    eventlet.hubs.trampoline(sys.stdin.fileno(), read=True)
    os._exit(1)


if stat.S_ISFIFO(os.fstat(0).st_mode):
    eventlet.spawn(exit_with_parent)


class PeerError(Exception):
    """An error that no caller knows."""


class AnyRpcProxy(RpcProxy):
    """A proxy to whatever service the caller names."""

    def __init__(self):
        super().__init__(target_service=None)

    def get_dependency(self, worker_ctx):
        return lambda service: ServiceProxy(worker_ctx, service, self.rpc_reply_listener)


class Context(DependencyProvider):
    """The worker's context: its call ids, and what the caller passed on."""

    def get_dependency(self, worker_ctx):
        data = dict(worker_ctx.context_data)
        stack = data.pop(CALL_ID_STACK_CONTEXT_KEY)
        return {"call_id_stack": stack, "data": data}


class Peer:
    name = "peer"

    services = AnyRpcProxy()
    dispatch = EventDispatcher()
    worker_context = Context()

    @rpc
    def add(self, a, b=0):
        return a + b

    @rpc
    def echo(self, *args, **kwargs):
        return {"args": args, "kwargs": kwargs}

    @rpc
    def fail(self, kind):
        if kind == "value":
            raise ValueError("boom é")
        if kind == "custom":
            raise PeerError("text", 42, None, {"key": [1.5]})
        if kind == "unserializable":
            return object()
        raise LookupError(kind)

    @rpc
    def relay(self, service, method, *args, **kwargs):
        return getattr(self.services(service), method)(*args, **kwargs)

    @rpc
    def context(self):
        return self.worker_context

    @rpc
    def emit(self, event_type, data):
        self.dispatch(event_type, data)

    @event_handler(EVENT_SOURCE, "tick", handler_type=SERVICE_POOL)
    def on_tick_pool(self, data):
        self.record("service_pool", data)

    @event_handler(EVENT_SOURCE, "tick", handler_type=SINGLETON)
    def on_tick_singleton(self, data):
        self.record("singleton", data)

    @event_handler(EVENT_SOURCE, "tick", handler_type=BROADCAST, reliable_delivery=False)
    def on_tick_broadcast(self, data):
        self.record("broadcast", data)

    def record(self, mode, data):
        received_events.append({"mode": mode, "data": data, "context": self.worker_context})


class Instance:
    name = f"peer_{INSTANCE}"

    @rpc
    def received(self):
        """The events that this process received, in order: mode, data, and the handler's context."""
        return received_events
