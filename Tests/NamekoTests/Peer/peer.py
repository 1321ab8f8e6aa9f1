"""Real nameko services, for tests that let Swift and Python talk to each other.

    cd Tests/NamekoTests/Peer && python -m nameko run peer --broker amqp://...

The service `peer` offers RPC methods and dispatches events; it handles the events `tick` (reliably) and `tock`
(unreliably) of the service that the environment variable PEER_EVENT_SOURCE names, in all three modes. Each process has
a service of its own besides, `peer_<PEER_INSTANCE>`, which tells what that process received.
"""

import datetime
import os
import stat
import sys
import uuid
from decimal import Decimal

import eventlet
from nameko.events import BROADCAST, SERVICE_POOL, SINGLETON, EventDispatcher, EventHandler, event_handler
from nameko.exceptions import IncorrectSignature, MalformedRequest
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc

from compatibility import ClusterRpc
from peer_errors import OutOfStock

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
    """An error that no Python caller knows."""


class Context(DependencyProvider):
    """The worker's context: its call ids, and what the caller passed on."""

    def get_dependency(self, worker_ctx):
        data = dict(worker_ctx.context_data)
        data.pop("call_id_stack", None)
        return {"call_id_stack": list(worker_ctx.call_id_stack), "data": data}


class StableBroadcast(EventHandler):
    """A broadcast whose queue may outlive its consumer, since each process comes back under its own name."""

    broadcast_identifier = INSTANCE


stable_broadcast = StableBroadcast.decorator


class Peer:
    name = "peer"

    services = ClusterRpc()
    dispatch = EventDispatcher()
    worker_context = Context()

    @rpc
    def who(self):
        return f"nameko {INSTANCE}"

    @rpc
    def hold(self):
        """Never returns; its message stays unacknowledged."""
        eventlet.event.Event().wait()

    @rpc
    def add(self, a, b=0):
        return a + b

    @rpc
    def echo(self, *args, **kwargs):
        return {"args": args, "kwargs": kwargs}

    @rpc
    def describe(self, value):
        """What the argument is to Python."""
        return repr(value)

    @rpc
    def values(self):
        """Values that JSON itself does not have."""
        return {
            "decimal": Decimal("12345678901234567.89"),
            "moment": datetime.datetime(2020, 1, 2, 3, 4, 5, 250000),
            "zoned": datetime.datetime(2020, 1, 2, 5, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
            "day": datetime.date(2020, 1, 2),
            "id": uuid.UUID("3d2a6f2e-8d5c-4b8e-9d39-0f6f5a1c7e42"),
            "huge": 10**30,
        }

    @rpc
    def fail(self, kind):
        if kind == "value":
            raise ValueError("boom é")
        if kind == "key":
            return {}["missing"]
        if kind == "custom":
            raise PeerError("text", 42, None, {"key": [1.5]})
        if kind == "stock":
            raise OutOfStock("tea")
        if kind == "malformed":
            raise MalformedRequest("not a request")
        if kind == "signature":
            raise IncorrectSignature("not so")
        if kind == "unserializable":
            return object()
        raise LookupError(kind)

    @rpc
    def relay(self, service, method, *args, **kwargs):
        return getattr(self.services[service], method)(*args, **kwargs)

    @rpc
    def context(self):
        return self.worker_context

    @rpc
    def emit(self, event_type, data):
        self.dispatch(event_type, data)

    @event_handler(EVENT_SOURCE, "tick", handler_type=SERVICE_POOL)
    def on_tick_pool(self, data):
        self.record("tick", "service_pool", data)

    @event_handler(EVENT_SOURCE, "tick", handler_type=SINGLETON)
    def on_tick_singleton(self, data):
        self.record("tick", "singleton", data)

    @stable_broadcast(EVENT_SOURCE, "tick", handler_type=BROADCAST)
    def on_tick_broadcast(self, data):
        self.record("tick", "broadcast", data)

    @event_handler(EVENT_SOURCE, "tock", handler_type=SERVICE_POOL, reliable_delivery=False)
    def on_tock_pool(self, data):
        self.record("tock", "service_pool", data)

    @event_handler(EVENT_SOURCE, "tock", handler_type=SINGLETON, reliable_delivery=False)
    def on_tock_singleton(self, data):
        self.record("tock", "singleton", data)

    @event_handler(EVENT_SOURCE, "tock", handler_type=BROADCAST, reliable_delivery=False)
    def on_tock_broadcast(self, data):
        self.record("tock", "broadcast", data)

    def record(self, event_type, mode, data):
        received_events.append({"type": event_type, "mode": mode, "data": data, "context": self.worker_context})


class Instance:
    name = f"peer_{INSTANCE}"

    @rpc
    def received(self):
        """The events that this process received, in order: type, mode, data, and the handler's context."""
        return received_events
