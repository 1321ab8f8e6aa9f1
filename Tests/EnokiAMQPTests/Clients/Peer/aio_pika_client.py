"""What aio-pika sees of a broker; see scenario.py."""

import asyncio

import aio_pika
from aio_pika.exceptions import DeliveryError
from scenario import deaths, report, run


async def receive(queue, count=1):
    """The next messages of a queue, acknowledged."""
    received = []
    async with queue.iterator(timeout=30) as messages:
        async for message in messages:
            await message.ack()
            received.append(message)
            if len(received) == count:
                return received


def text(body, **properties):
    return aio_pika.Message(body.encode(), **properties)


async def call(uri, queue, body):
    """Calls a server, with a queue for the reply and then with RabbitMQ's pseudo-queue for it."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel()
        replies = await channel.declare_queue("", exclusive=True)
        request = text(body, reply_to=replies.name, correlation_id="7")
        await channel.default_exchange.publish(request, queue)
        [message] = await receive(replies)
        report(reply=message.body.decode(), correlation=message.correlation_id)

        received = asyncio.Queue()
        direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await direct.consume(received.put, no_ack=True)
        await channel.default_exchange.publish(text(body, reply_to=direct.name, correlation_id="8"), queue)
        message = await asyncio.wait_for(received.get(), 30)
        report(reply=message.body.decode(), correlation=message.correlation_id)


async def serve(uri, queue, count):
    """Answers that many requests in capitals."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel()
        requests = await channel.declare_queue(queue, durable=True)
        for _ in range(int(count)):
            [request] = await receive(requests)
            reply = text(request.body.decode().upper(), correlation_id=request.correlation_id)
            await channel.default_exchange.publish(reply, request.reply_to)


async def events(uri):
    """Receives what others publish to a topic exchange, and publishes to it."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel()
        news = await channel.declare_exchange("news", "topic", durable=True)
        queue = await channel.declare_queue("", exclusive=True)
        for key in ["sport.#", "*.local"]:
            await queue.bind(news, key)
        report(listens=True)
        for message in await receive(queue, 3):
            report(key=message.routing_key, body=message.body.decode(), headers=message.headers)
        headers = {"n": 1, "nested": {"list": [1, "é", None, True]}}
        await news.publish(text("rain ☔", headers=headers), "weather.today", mandatory=False)


async def confirms(uri):
    """Publishes with confirms into a queue with room for one."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel(publisher_confirms=True)
        arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
        queue = await channel.declare_queue("", exclusive=True, arguments=arguments)
        for _ in range(2):
            try:
                await channel.default_exchange.publish(text(""), queue.name)
                report(confirmed=True)
            except DeliveryError:
                report(confirmed=False)


async def returns(uri):
    """Publishes what must be routed to where no queue is."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange("amq.direct")
        try:
            await exchange.publish(text("lost"), "nowhere", mandatory=True)
        except DeliveryError as error:
            message = error.message
            method = message.delivery
            report(
                code=method.reply_code,
                text=method.reply_text,
                exchange=method.exchange,
                key=method.routing_key,
                body=message.body.decode(),
            )


async def expiry(uri, milliseconds):
    """Lets one message expire by its queue's time and one by its own, and rejects a third."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel()
        await channel.declare_exchange("graves", "topic")
        graveyard = await channel.declare_queue("graveyard", exclusive=True)
        await graveyard.bind("graves", "#")
        dead = {"x-dead-letter-exchange": "graves"}
        brief = {**dead, "x-message-ttl": int(milliseconds)}
        await channel.declare_queue("brief", exclusive=True, arguments=brief)
        buried = {**dead, "x-dead-letter-routing-key": "buried"}
        own = await channel.declare_queue("own", exclusive=True, arguments=buried)
        publish = channel.default_exchange.publish
        await publish(text("by queue"), "brief")
        report(published=True)
        [message] = await receive(graveyard)
        show_grave(message)
        await publish(text("by message", expiration=int(milliseconds) / 1000), "own")
        report(published=True)
        [message] = await receive(graveyard)
        show_grave(message, expiration=message.expiration)
        await publish(text("by consumer"), "own")
        message = await own.get(timeout=30)
        await message.reject()
        [message] = await receive(graveyard)
        show_grave(message)


def show_grave(message, **more):
    report(key=message.routing_key, body=message.body.decode(), deaths=deaths(message.headers), **more)


async def recovery(uri):
    """Works off a queue for as long as no message says to stop; aio-pika restores connection, channel and consumer."""
    async with await aio_pika.connect_robust(uri, reconnect_interval=0.05, fail_fast=True) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        queue = await channel.declare_queue("work", durable=True)
        stopped = asyncio.Event()

        async def on_message(message):
            async with message.process(requeue=True, ignore_processed=True):
                await channel.default_exchange.publish(text(message.body.decode().upper()), "results")
            if message.body == b"stop":
                stopped.set()

        connection.reconnect_callbacks.add(lambda *_: report(consumes=True))
        await queue.consume(on_message)
        report(consumes=True)
        await stopped.wait()


if __name__ == "__main__":
    run(
        [call, serve, events, confirms, returns, expiry, recovery],
        start=lambda function, arguments: asyncio.run(function(*arguments)),
    )
