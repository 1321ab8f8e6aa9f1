"""What the scripts of all clients share: how they are told what to do, and how they tell what they saw.

    python pika_client.py amqp://guest:guest@127.0.0.1:5672/ confirms

Each script has a function per scenario. It prints a line of JSON for each thing that it saw; the test that started it
knows which lines must come.
"""

import json
import os
import signal
import sys
import threading


def report(**seen):
    print(json.dumps(seen, sort_keys=True, ensure_ascii=False), flush=True)


def deaths(headers):
    """Of each entry of `x-death` what does not depend on the time of day."""
    return [
        [entry["reason"], entry["queue"], entry["exchange"], list(entry["routing-keys"]), entry["count"]]
        + [entry["original-expiration"] for _ in [0] if "original-expiration" in entry]
        for entry in headers["x-death"]
    ]


def run(scenarios, start=lambda function, arguments: function(*arguments)):
    """Calls the scenario that the command line names with the arguments behind it."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    uri, name, *arguments = sys.argv[1:]
    start({function.__name__: function for function in scenarios}[name], [uri, *arguments])


def end_with_parent():
    """A test that crashes cannot stop this process, but the pipe that is its standard input breaks."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
