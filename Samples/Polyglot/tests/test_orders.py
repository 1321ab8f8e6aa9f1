import pytest
from nameko.exceptions import RemoteError
from nameko.standalone.rpc import ClusterRpcProxy, ServiceRpcProxy
from nameko.testing.services import entrypoint_waiter
from payments import Payments


def test_swift_answers(rabbit_config):
    with ServiceRpcProxy("orders", rabbit_config, timeout=10) as orders:
        assert orders.price(sku="teapot") == 20


def test_an_error_in_swift_is_an_exception_here(rabbit_config):
    with ServiceRpcProxy("orders", rabbit_config, timeout=10) as orders:
        with pytest.raises(RemoteError, match="there is no piano"):
            orders.price(sku="piano")


def test_an_order_is_charged_and_booked_here(rabbit_config, container_factory):
    payments = container_factory(Payments, rabbit_config)
    payments.start()

    with entrypoint_waiter(payments, "book", timeout=10) as booked:
        with ClusterRpcProxy(rabbit_config, timeout=10) as cluster:
            assert cluster.orders.place(customer="Ada", sku="teapot") == 1020

    assert booked.get() == "Ada bought a teapot"
