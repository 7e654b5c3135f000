"""The calls and the configuration of Tutorial 2: a producer, and a consumer that commits by hand.

    tutorial_2.py BROKER produce COUNT
    tutorial_2.py BROKER consume
    tutorial_2.py BROKER send
    tutorial_2.py BROKER show

The consumer prints `PARTITION OFFSET KEY JSON` for each message until Ctrl-C. `send` and `show` are
the same producer and consumer, and print what the text expects.
"""

import json
import signal
import sys
import time

from confluent_kafka import Consumer, Producer

TOPIC = "user-events"
GROUP = "tutorial-consumer-group"


def producer_of(broker):
    """A producer as in the text."""
    return Producer({
        "bootstrap.servers": broker,
        "client.id": "basic-producer",
        "acks": "all",
        "retries": 3,
        "retry.backoff.ms": 100,
        "batch.size": 16384,
        "linger.ms": 5,
        "compression.type": "snappy",
    })


def consumer_of(broker):
    """A consumer as in the text."""
    return Consumer({
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


def produce(broker, count):
    """Events of three users, each user's key leading to one partition."""
    producer = producer_of(broker)
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


def messages(consumer, stopped):
    """What comes until a signal does; each message is committed once it is dealt with."""
    consumer.subscribe([TOPIC])
    while not stopped:
        message = consumer.poll(timeout=1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(f"consumer: {message.error()}")
        yield message
        consumer.commit(message)


def consume(broker):
    """Until a signal comes; each message is committed when it is printed."""
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    consumer = consumer_of(broker)
    for message in messages(consumer, stopped):
        event = json.loads(message.value().decode())
        print(message.partition(), message.offset(), message.key().decode(), event["number"])
    consumer.close()


EVENTS = [
    ("user_001", {"action": "login", "ip_address": "192.168.1.100"}),
    ("user_002", {"action": "purchase", "product_id": "prod_123", "amount": 29.99}),
    ("user_001", {"action": "logout"}),
]


def send(broker):
    """Three events, with the words of the expected output."""
    producer = producer_of(broker)
    print(f"Producer initialized with brokers: {broker}")

    def delivered(error, message):
        if error is not None:
            sys.exit(f"Message delivery failed: {error}")
        where = f"partition {message.partition()} at offset {message.offset()}"
        print(f"Message delivered to {where}")

    print(f"Sending {len(EVENTS)} messages to topic '{TOPIC}'")
    print("-" * 50)
    for number, (user, event) in enumerate(EVENTS, 1):
        value = json.dumps({"user_id": user, **event, "timestamp": time.time()})
        producer.produce(topic=TOPIC, value=value, key=user, callback=delivered)
        producer.poll(0)
        print(f"Queued message {number}")
        time.sleep(0.1)
    print("Flushing remaining messages...")
    if producer.flush(timeout=10):
        sys.exit("some messages are not delivered")
    print("All messages delivered successfully")
    print("Producer example completed!")


def meaning(event):
    """What has happened, in a line for people."""
    user = event["user_id"]
    return {
        "login": lambda: f"📝 User {user} logged in",
        "purchase": lambda: f"💰 User {user} made purchase: ${event['amount']}",
        "logout": lambda: f"👋 User {user} logged out",
    }[event["action"]]()


def show(broker):
    """Each message with all that it has, with the words of the expected output."""
    stopped = []

    def stop(number, _):
        print(f"\nReceived signal {number}, shutting down...")
        stopped.append(True)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    consumer = consumer_of(broker)
    print(f"Consumer initialized for group: {GROUP}")
    print(f"Subscribed to topics: {[TOPIC]}")
    print("Starting consumer loop...")
    print("Press Ctrl+C to stop")
    print("-" * 50)
    for message in messages(consumer, stopped):
        event = json.loads(message.value().decode("utf-8"))
        print("Received message:")
        print(f"  Topic: {message.topic()}")
        print(f"  Partition: {message.partition()}")
        print(f"  Offset: {message.offset()}")
        print(f"  Key: {message.key()}")
        print(f"  Timestamp: {message.timestamp()}")
        print(f"  Data: {event}")
        print(f"  {meaning(event)}")
        print("-" * 30)
    print("Closing consumer...")
    consumer.close()
    print("Consumer closed successfully")


def main():
    broker, what, *count = sys.argv[1:]
    if what == "produce":
        produce(broker, int(count[0]))
    else:
        {"consume": consume, "send": send, "show": show}[what](broker)


if __name__ == "__main__":
    main()
