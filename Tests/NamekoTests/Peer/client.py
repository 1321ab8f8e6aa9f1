"""nameko's standalone clients from the command line; prints what came of it as one line of JSON.

python client.py BROKER call SERVICE METHOD [--args '[1]'] [--kwargs '{"b": 2}'] [--context '{}'] [--timeout 10]
python client.py BROKER dispatch SERVICE EVENT [DATA]
"""

import argparse
import json

from nameko.standalone.events import event_dispatcher
from nameko.standalone.rpc import ServiceRpcProxy


def call(config, options):
    with ServiceRpcProxy(
        options.service, config, context_data=options.context, timeout=options.timeout
    ) as service:
        return getattr(service, options.method)(*options.args, **options.kwargs)


def dispatch(config, options):
    event_dispatcher(config)(options.service, options.event, options.data)


def describe(error):
    description = {"class": f"{type(error).__module__}.{type(error).__name__}", "text": str(error)}
    if hasattr(error, "exc_type"):
        description |= {"exc_type": error.exc_type, "value": error.value}
    return description


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("broker")
    commands = parser.add_subparsers(required=True)
    calling = commands.add_parser("call")
    calling.add_argument("service")
    calling.add_argument("method")
    calling.add_argument("--args", type=json.loads, default=[])
    calling.add_argument("--kwargs", type=json.loads, default={})
    calling.add_argument("--context", type=json.loads, default=None)
    calling.add_argument("--timeout", type=float, default=10)
    calling.set_defaults(action=call)
    dispatching = commands.add_parser("dispatch")
    dispatching.add_argument("service")
    dispatching.add_argument("event")
    dispatching.add_argument("data", type=json.loads, nargs="?", default=None)
    dispatching.set_defaults(action=dispatch)
    options = parser.parse_args()
    try:
        result = {"result": options.action({"AMQP_URI": options.broker}, options)}
    except Exception as error:  # whatever it is, the test wants to see it
        result = {"error": describe(error)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
