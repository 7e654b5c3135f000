"""The calls and the configuration of Tutorial 2: a producer, and a consumer that commits by hand.

    tutorial_2.py BROKER produce COUNT
    tutorial_2.py BROKER consume

The consumer prints `PARTITION OFFSET KEY JSON` for each message until Ctrl-C.
"""

import json
import signal
import sys
import time

from confluent_kafka import Consumer, Producer

TOPIC = "user-events"
GROUP = "tutorial-consumer-group"


def produce(broker, count):
    """Events of three users, each user's key leading to one partition."""
    producer = Producer({
        "bootstrap.servers": broker,
        "client.id": "basic-producer",
        "acks": "all",
        "retries": 3,
        "retry.backoff.ms": 100,
        "batch.size": 16384,
        "linger.ms": 5,
        "compression.type": "snappy",
    })
    partitions = {}

    def delivered(error, message):
        if error is not None:
            sys.exit(f"not delivered: {error}")
        partitions.setdefault(message.key(), set()).add(message.partition())

    for number in range(count):
        user = f"user_{number % 3:03}"
        event = {"user_id": user, "action": "login", "number": number, "timestamp": time.time()}
        producer.produce(topic=TOPIC, value=json.dumps(event), key=user, callback=delivered)
        producer.poll(0)
    if producer.flush(timeout=10):
        sys.exit("some messages are left in the queue")
    if any(len(found) > 1 for found in partitions.values()):
        sys.exit(f"a key is in several partitions: {partitions}")


def consume(broker):
    """Until a signal comes; each message is committed when it is printed."""
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    consumer = Consumer({
        "bootstrap.servers": broker,
        "group.id": GROUP,
        "client.id": f"{GROUP}-client",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 30000,
        "heartbeat.interval.ms": 10000,
        "max.poll.interval.ms": 300000,
        "fetch.min.bytes": 1,
        # The text calls it fetch.max.wait.ms, as Java does; librdkafka refuses that name.
        "fetch.wait.max.ms": 500,
    })
    consumer.subscribe([TOPIC])
    while not stopped:
        message = consumer.poll(timeout=1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(f"consumer: {message.error()}")
        event = json.loads(message.value().decode())
        print(message.partition(), message.offset(), message.key().decode(), event["number"])
        consumer.commit(message)
    consumer.close()


def main():
    broker, what, *count = sys.argv[1:]
    if what == "produce":
        produce(broker, int(count[0]))
    else:
        consume(broker)


if __name__ == "__main__":
    main()
