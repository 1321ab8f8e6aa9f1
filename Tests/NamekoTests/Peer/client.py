"""nameko's standalone clients: evaluates Python expressions, and prints for each what came of it as a line of JSON.

python client.py BROKER [--context '{"language": "en"}'] [--timeout 10] 'services.peer.add(1, b=2)' ...

In the expressions `services` calls the services of the broker, `dispatch(service, type, data)` dispatches events, and
there are `datetime`, `Decimal` and `UUID`. A timeout of 0 is none.
"""

import argparse
import datetime
import json
from decimal import Decimal
from uuid import UUID

import compatibility
import peer_errors  # noqa: F401 - registers its exceptions


def describe(error):
    path = f"{type(error).__module__}.{type(error).__name__}"
    if path == "nameko.exceptions.RemoteError":
        return f"{path}: {error.exc_type}: {error.value}"
    return f"{path}: {error}"


def evaluate(expression, names):
    try:
        value = eval(expression, dict(names))
    except Exception as error:  # whatever it is, the test wants to see it
        return {"error": describe(error)}
    return {"repr": repr(value), "result": value}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("broker")
    parser.add_argument("--context", type=json.loads, default=None)
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("expressions", nargs="+")
    options = parser.parse_args()
    names = {"datetime": datetime, "Decimal": Decimal, "UUID": UUID}
    names["dispatch"] = compatibility.standalone_dispatcher(options.broker)
    with compatibility.standalone_client(
        options.broker, context_data=options.context, timeout=options.timeout or None
    ) as names["services"]:
        for expression in options.expressions:
            print(json.dumps(evaluate(expression, names), default=str))


if __name__ == "__main__":
    main()
