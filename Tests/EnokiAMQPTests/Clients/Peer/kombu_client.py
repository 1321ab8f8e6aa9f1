"""What kombu (with py-amqp) sees of a broker; see scenario.py."""

from amqp.exceptions import MessageNacked
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.mixins import ConsumerMixin
from scenario import deaths, report, run


def connect(uri, **options):
    return Connection(uri, transport_options={"confirm_publish": True}, **options)


def receive(connection, queue, count=1):
    """The messages that a queue gets, no more than so many, acknowledged."""
    received = []
    with Consumer(connection.default_channel, [queue], on_message=received.append, auto_declare=False):
        while len(received) < count:
            connection.drain_events(timeout=30)
        for message in received:
            message.ack()
    return received


def text(message):
    """The body, which py-amqp decodes if the sender named an encoding."""
    return message.body if isinstance(message.body, str) else message.body.decode()


def call(uri, queue, body):
    """Calls a server, with a queue for the reply and then with RabbitMQ's pseudo-queue for it."""
    with connect(uri) as connection:
        producer = Producer(connection)
        replies = Queue("", exclusive=True, durable=False, channel=connection.default_channel)
        replies.declare()
        producer.publish(body, routing_key=queue, reply_to=replies.name, correlation_id="7")
        [message] = receive(connection, replies)
        report(reply=text(message), correlation=message.properties["correlation_id"])

        direct, received = Queue("amq.rabbitmq.reply-to", no_declare=True), []
        # The consumer's channel must be the publisher's.
        with Consumer(producer.channel, [direct], on_message=received.append, no_ack=True):
            producer.publish(body, routing_key=queue, reply_to=direct.name, correlation_id="8")
            while not received:
                connection.drain_events(timeout=30)
        [message] = received
        report(reply=text(message), correlation=message.properties["correlation_id"])


def serve(uri, queue, count):
    """Answers that many requests in capitals."""
    answered = []

    def answer(request):
        reply_to, correlation = (request.properties.get(name) for name in ["reply_to", "correlation_id"])
        producer.publish(text(request).upper(), routing_key=reply_to, correlation_id=correlation)
        request.ack()
        answered.append(request)

    with connect(uri) as connection:
        producer = Producer(connection)
        with Consumer(connection.default_channel, [Queue(queue)], on_message=answer, prefetch_count=1):
            while len(answered) < int(count):
                connection.drain_events(timeout=30)


def events(uri):
    """Receives what others publish to a topic exchange, and publishes to it."""
    with connect(uri) as connection:
        news = Exchange("news", "topic")
        queue = Queue("", exclusive=True, durable=False, channel=connection.default_channel)
        queue.declare()
        news(connection.default_channel).declare()
        for key in ["sport.#", "*.local"]:
            queue.bind_to(news, key)
        report(listens=True)
        for message in receive(connection, queue, 3):
            key = message.delivery_info["routing_key"]
            report(key=key, body=text(message), headers=message.headers)
        headers = {"n": 1, "nested": {"list": [1, "é", None, True]}}
        Producer(connection, news).publish("rain ☔", routing_key="weather.today", headers=headers)


def confirms(uri):
    """Publishes with confirms into a queue with room for one."""
    with connect(uri) as connection:
        arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
        queue = Queue("", exclusive=True, durable=False, queue_arguments=arguments, channel=connection.default_channel)
        queue.declare()
        for _ in range(2):
            try:
                Producer(connection).publish("", routing_key=queue.name)
                report(confirmed=True)
            except MessageNacked:
                report(confirmed=False)


def returns(uri):
    """Publishes what must be routed to where no queue is."""

    def on_return(error, exchange, routing_key, message):
        report(code=error.reply_code, text=error.reply_text, exchange=exchange, key=routing_key, body=text(message))

    with connect(uri) as connection:
        producer = Producer(connection, on_return=on_return)
        producer.publish("lost", exchange="amq.direct", routing_key="nowhere", mandatory=True)


def expiry(uri, milliseconds):
    """Lets one message expire by its queue's time and one by its own, and rejects a third."""
    with connect(uri) as connection:
        channel = connection.default_channel
        graves = Exchange("graves", "topic")
        # Not exclusive: to kombu that is also automatic deletion, with the first consumer of several.
        graveyard = Queue("graveyard", graves, "#", durable=False)
        graveyard(channel).declare()
        dead = {"x-dead-letter-exchange": "graves"}
        brief = {**dead, "x-message-ttl": int(milliseconds)}
        own = {**dead, "x-dead-letter-routing-key": "buried"}
        for name, arguments in [("brief", brief), ("own", own)]:
            Queue(name, durable=False, queue_arguments=arguments)(channel).declare()
        producer = Producer(connection)
        producer.publish("by queue", routing_key="brief")
        report(published=True)
        [message] = receive(connection, graveyard)
        show_grave(message)
        producer.publish("by message", routing_key="own", expiration=int(milliseconds) / 1000)
        report(published=True)
        [message] = receive(connection, graveyard)
        show_grave(message, expiration=message.properties.get("expiration"))
        producer.publish("by consumer", routing_key="own")
        with connection.SimpleQueue(Queue("own", no_declare=True)) as queue:
            queue.get(timeout=30).reject()
        [message] = receive(connection, graveyard)
        show_grave(message)


def show_grave(message, **more):
    key = message.delivery_info["routing_key"]
    report(key=key, body=text(message), deaths=deaths(message.headers), **more)


class Worker(ConsumerMixin):
    """Works off a queue until a message says to stop; kombu connects again."""

    def __init__(self, connection):
        self.connection = connection

    def get_consumers(self, consumer_class, channel):
        return [consumer_class([Queue("work")], on_message=self.on_message, prefetch_count=1)]

    def on_consume_ready(self, connection, channel, consumers, **options):
        report(consumes=True)

    def on_connection_error(self, error, interval):
        pass

    def on_decode_error(self, message, error):
        raise error

    def on_message(self, message):
        body = text(message)
        with self.connection.clone() as connection:
            Producer(connection).publish(body.upper(), routing_key="results", retry=True)
        message.ack()
        self.should_stop = body == "stop"


def recovery(uri):
    """Works off a queue for as long as no message says to stop, over lost connections."""
    Worker(connect(uri)).run()


if __name__ == "__main__":
    run([call, serve, events, confirms, returns, expiry, recovery])
