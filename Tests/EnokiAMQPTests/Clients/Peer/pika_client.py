"""What pika sees of a broker; see scenario.py."""

import pika
from pika.exceptions import AMQPConnectionError, ConnectionClosedByBroker, NackError, UnroutableError
from scenario import deaths, report, run


def connect(uri):
    return pika.BlockingConnection(pika.URLParameters(uri))


def receive(channel, queue, count=1):
    """The next messages of a queue, acknowledged: method, properties, body."""
    received = []
    for method, properties, body in channel.consume(queue, inactivity_timeout=30):
        if method is None:
            raise TimeoutError(queue)
        channel.basic_ack(method.delivery_tag)
        received.append((method, properties, body.decode()))
        if len(received) == count:
            break
    channel.cancel()
    return received


def call(uri, queue, body):
    """Calls a server, with a queue for the reply and then with RabbitMQ's pseudo-queue for it."""
    with connect(uri) as connection:
        channel = connection.channel()
        replies = channel.queue_declare("", exclusive=True).method.queue
        properties = pika.BasicProperties(reply_to=replies, correlation_id="7")
        channel.basic_publish("", queue, body.encode(), properties)
        [(_, properties, reply)] = receive(channel, replies)
        report(reply=reply, correlation=properties.correlation_id)

        def on_reply(channel, method, properties, reply):
            report(reply=reply.decode(), correlation=properties.correlation_id)
            channel.stop_consuming()

        channel.basic_consume("amq.rabbitmq.reply-to", on_reply, auto_ack=True)
        properties = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="8")
        channel.basic_publish("", queue, body.encode(), properties)
        channel.start_consuming()


def serve(uri, queue, count):
    """Answers that many requests in capitals."""
    with connect(uri) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        for _ in range(int(count)):
            [(_, request, body)] = receive(channel, queue)
            properties = pika.BasicProperties(correlation_id=request.correlation_id)
            channel.basic_publish("", request.reply_to, body.upper().encode(), properties)


def events(uri):
    """Receives what others publish to a topic exchange, and publishes to it."""
    with connect(uri) as connection:
        channel = connection.channel()
        channel.exchange_declare("news", "topic", durable=True)
        queue = channel.queue_declare("", exclusive=True).method.queue
        for key in ["sport.#", "*.local"]:
            channel.queue_bind(queue, "news", key)
        report(listens=True)
        for method, properties, body in receive(channel, queue, 3):
            report(key=method.routing_key, body=body, headers=properties.headers)
        properties = pika.BasicProperties(headers={"n": 1, "nested": {"list": [1, "é", None, True]}})
        channel.basic_publish("news", "weather.today", "rain ☔".encode(), properties)


def confirms(uri):
    """Publishes with confirms into a queue with room for one."""
    with connect(uri) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        queue = channel.queue_declare(
            "", exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
        ).method.queue
        for _ in range(2):
            try:
                channel.basic_publish("", queue, b"")
                report(confirmed=True)
            except NackError:
                report(confirmed=False)


def returns(uri):
    """Publishes what must be routed to where no queue is."""
    with connect(uri) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            channel.basic_publish("amq.direct", "nowhere", b"lost", mandatory=True)
        except UnroutableError as error:
            [message] = error.messages
            method = message.method
            report(
                code=method.reply_code,
                text=method.reply_text,
                exchange=method.exchange,
                key=method.routing_key,
                body=message.body.decode(),
            )


def expiry(uri, milliseconds):
    """Lets one message expire by its queue's time and one by its own, and rejects a third."""
    with connect(uri) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.exchange_declare("graves", "topic")
        channel.queue_declare("graveyard", exclusive=True)
        channel.queue_bind("graveyard", "graves", "#")
        dead = {"x-dead-letter-exchange": "graves"}
        channel.queue_declare("brief", exclusive=True, arguments={**dead, "x-message-ttl": int(milliseconds)})
        channel.queue_declare("own", exclusive=True, arguments={**dead, "x-dead-letter-routing-key": "buried"})
        channel.basic_publish("", "brief", b"by queue")
        report(published=True)
        [(method, properties, body)] = receive(channel, "graveyard")
        report(key=method.routing_key, body=body, deaths=deaths(properties.headers))
        channel.basic_publish("", "own", b"by message", pika.BasicProperties(expiration=milliseconds))
        report(published=True)
        [(method, properties, body)] = receive(channel, "graveyard")
        report(key=method.routing_key, body=body, deaths=deaths(properties.headers), expiration=properties.expiration)
        channel.basic_publish("", "own", b"by consumer")
        method, _, _ = next(channel.consume("own"))
        channel.basic_reject(method.delivery_tag, requeue=False)
        channel.cancel()
        [(method, properties, body)] = receive(channel, "graveyard")
        report(key=method.routing_key, body=body, deaths=deaths(properties.headers))


def recovery(uri):
    """Works off a queue for as long as no message says to stop, as pika's documentation does: it connects again itself."""

    def on_message(channel, method, properties, body):
        channel.basic_publish("", "results", body.upper())
        channel.basic_ack(method.delivery_tag)
        if body == b"stop":
            channel.stop_consuming()

    stopped = False
    while not stopped:
        try:
            with connect(uri) as connection:
                channel = connection.channel()
                channel.queue_declare("work", durable=True)
                channel.basic_qos(prefetch_count=1)
                channel.basic_consume("work", on_message)
                report(consumes=True)
                channel.start_consuming()
                stopped = True
        except ConnectionClosedByBroker as error:
            report(code=error.reply_code, text=error.reply_text)
        except AMQPConnectionError:
            pass


if __name__ == "__main__":
    run([call, serve, events, confirms, returns, expiry, recovery])
