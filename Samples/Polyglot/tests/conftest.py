"""Starts the Swift services for a test, with a broker inside their process that this test alone uses."""

import os
import subprocess
from pathlib import Path

import pytest

POLYGLOT = os.environ.get("POLYGLOT", Path(__file__).parents[3] / ".build/debug/polyglot")


@pytest.fixture
def rabbit_config():
    """Takes the place of nameko's fixture of this name, which makes a virtual host on a RabbitMQ."""
    command = [POLYGLOT, "run", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as polyglot:
        try:
            line = polyglot.stdout.readline()  # listens on amqp://127.0.0.1:41235
            assert "amqp://" in line, "the Swift services did not start: see what they wrote"
            address = line.split("amqp://")[1].strip()
            yield {"AMQP_URI": f"pyamqp://guest:guest@{address}"}
        finally:
            polyglot.terminate()
