"""Tutorial 2, delivery semantics and patterns: what each way to send and to commit delivers.

    tutorial_2_patterns.py BROKER
"""

import sys
import time

from confluent_kafka import Consumer, Producer

LIMIT_S = 60


def expect(what, seen, wanted):
    """End with a clear line if this is not what it should be."""
    if seen != wanted:
        sys.exit(f"{what}: {seen!r}, expected {wanted!r}")


class Reader:
    """A member of a group that commits when it is asked to."""

    def __init__(self, broker, topic, group):
        self.consumer = Consumer({
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        })
        self.consumer.subscribe([topic])

    def take(self, count):
        """The next this many messages."""
        found, end = [], time.monotonic() + LIMIT_S
        while len(found) < count:
            message = self.consumer.poll(timeout=1.0)
            if message and not message.error():
                found.append(message)
            elif time.monotonic() > end:
                sys.exit(f"nothing comes after {texts(found)}")
        return found

    def commit(self, message):
        """Everything up to this message is done."""
        self.consumer.commit(message, asynchronous=False)

    def close(self):
        self.consumer.close()


def texts(messages):
    return [message.value().decode() for message in messages]


def check_producers(broker):
    """Fire and forget, one after the other, and with callbacks: all of it arrives in the end."""
    producer = Producer({"bootstrap.servers": broker})
    producer.produce("sent", value="forgotten")
    producer.produce("sent", value="waited for")
    expect("left after a flush", producer.flush(LIMIT_S), 0)
    delivered = []

    def callback(error, message):
        expect("an error", error, None)
        delivered.append((message.value().decode(), message.offset()))

    for value in ["a", "b"]:
        producer.produce("sent", value=value, callback=callback)
    expect("left after a flush", producer.flush(LIMIT_S), 0)
    expect("called back", delivered, [("a", 2), ("b", 3)])
    reader = Reader(broker, "sent", "sent")
    expect("what was sent", texts(reader.take(4)), ["forgotten", "waited for", "a", "b"])
    reader.close()


def fill(broker, topic, count):
    """Numbered messages."""
    producer = Producer({"bootstrap.servers": broker})
    for number in range(count):
        producer.produce(topic, value=str(number))
    expect("left", producer.flush(LIMIT_S), 0)


def check_batches(broker):
    """The commit of a batch's last message is that of the batch."""
    fill(broker, "batches", 9)
    reader = Reader(broker, "batches", "batches")
    batch = reader.take(6)
    reader.commit(batch[-1])
    reader.close()
    again = Reader(broker, "batches", "batches")
    expect("after the batch", texts(again.take(3)), ["6", "7", "8"])
    again.close()


def check_semantics(broker):
    """A consumer that ends between processing and commit: once too often, or once too few."""
    fill(broker, "semantics", 3)
    done = {"at most once": [], "at least once": []}
    for semantics, processed in done.items():
        reader = Reader(broker, "semantics", semantics)
        message = reader.take(1)[0]
        if semantics == "at most once":
            reader.commit(message)
        else:
            processed += texts([message])
        # Here it crashes.
        reader.close()
        reader = Reader(broker, "semantics", semantics)
        processed += texts(reader.take(2 if semantics == "at most once" else 3))
        reader.close()
    expect("at most once", done["at most once"], ["1", "2"])
    expect("at least once", done["at least once"], ["0", "0", "1", "2"])


def check_retries(broker):
    """What fails again and again goes to a dead letter queue, and the rest is not held up."""
    fill(broker, "work", 3)
    producer = Producer({"bootstrap.servers": broker})
    reader, attempts, processed = Reader(broker, "work", "workers"), [], []

    def process(message):
        if message.value() == b"1":
            attempts.append(message.offset())
            raise ValueError("it fails")
        processed.append(message.value().decode())

    for message in reader.take(3):
        for attempt in range(3):
            try:
                process(message)
                break
            except ValueError as why:
                if attempt == 2:
                    headers = {"error": str(why)}
                    producer.produce("work.dlq", value=message.value(), headers=headers)
                    producer.flush(LIMIT_S)
                time.sleep(0.01 * 2**attempt)
        reader.commit(message)
    reader.close()
    expect("attempts", attempts, [1, 1, 1])
    expect("processed", processed, ["0", "2"])
    dead = Reader(broker, "work.dlq", "undertaker")
    letter = dead.take(1)[0]
    expect("the dead letter", (letter.value(), letter.headers()), (b"1", [("error", b"it fails")]))
    dead.close()


def main():
    broker = sys.argv[1]
    check_producers(broker)
    check_batches(broker)
    check_semantics(broker)
    check_retries(broker)
    print("sending, batches, semantics, retries")


if __name__ == "__main__":
    main()
