"""An idempotent producer that goes on while its broker is killed, and then the count.

    kill_loop.py BROKER TOPIC PARTITIONS SEED

It prints how many records are acknowledged so far, a line each time. When its standard input
ends it waits until all of its records are acknowledged, reads the topic, and compares.
"""

import random
import sys
import threading

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition


class Writer:
    """Counts up in each partition and remembers at which offset each record was acknowledged."""

    def __init__(self, broker, topic, partitions, chance):
        self.topic = topic
        self.chance = chance
        self.sent = [0] * partitions
        self.acknowledged = [{} for _ in range(partitions)]
        self.count = 0
        self.faults = []
        self.producer = Producer({
            "bootstrap.servers": broker,
            "acks": "all",
            "enable.idempotence": True,
            # Small batches: several are in flight at each kill.
            "linger.ms": 1,
            "batch.num.messages": 40,
            "queue.buffering.max.messages": 4000,
            "reconnect.backoff.ms": 10,
            "reconnect.backoff.max.ms": 100,
            "retry.backoff.ms": 10,
            "retry.backoff.max.ms": 100,
            # Back to the same broker at once, not through the bootstrap list a second later.
            "metadata.recovery.strategy": "none",
            # No record is given up: each one must come to be acknowledged.
            "message.timeout.ms": 0,
            "error_cb": self.error,
            # It would tell of every kill.
            "log_level": 2,
        })

    def error(self, error):
        """A refused connection is what this is about; only a fatal error is one."""
        if error.fatal():
            self.faults.append(f"the producer failed for good: {error}")

    def delivered(self, error, message):
        """Remember what the broker has promised."""
        if error:
            self.faults.append(f"{message.value()[:20]!r} was given up: {error}")
            return
        partition, number = message.partition(), int(message.value().split(b" ")[0])
        self.acknowledged[partition][number] = message.offset()
        self.count += 1
        if self.count % 100 == 0:
            print(self.count, flush=True)

    def send(self):
        """One record to one partition; mostly small, now and then a large one."""
        partition = self.chance.randrange(len(self.sent))
        size = 100 if self.chance.random() < 0.99 else 20_000
        value = f"{self.sent[partition]} ".encode().ljust(size, b".")
        try:
            self.producer.produce(
                self.topic, value, partition=partition, on_delivery=self.delivered
            )
            self.sent[partition] += 1
        except BufferError:
            self.producer.poll(0.01)

    def run(self, until):
        """Send until asked to stop, and wait for the acknowledgements."""
        while not until.is_set() and not self.faults:
            self.send()
            self.producer.poll(0)
        left = self.producer.flush(120)
        if left:
            self.faults.append(f"{left} records are still not acknowledged")


def read(broker, topic, partition):
    """All records of a partition: offset and number."""
    consumer = Consumer({
        "bootstrap.servers": broker,
        "group.id": "none",
        "enable.auto.commit": False,
        "check.crcs": True,
    })
    where = TopicPartition(topic, partition, 0)
    low, high = consumer.get_watermark_offsets(where, timeout=30)
    if low != 0:
        sys.exit(f"partition {partition} begins at {low}")
    consumer.assign([where])
    found = []
    while len(found) < high:
        messages = consumer.consume(min(1000, high - len(found)), timeout=30)
        if not messages:
            sys.exit(f"partition {partition}: nothing comes after {len(found)} of {high} records")
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            found.append((message.offset(), int(message.value().split(b" ")[0])))
    consumer.close()
    return found


def faults_of(partition, found, acknowledged, sent):
    """What is wrong with a partition: lost, duplicated, moved or unknown records, and order."""
    by_number = {}
    for index, (offset, number) in enumerate(found):
        if offset != index:
            yield f"partition {partition}: offset {offset} where {index} is due"
        if number in by_number:
            yield f"partition {partition}: {number} is at {by_number[number]} and at {offset}"
        by_number[number] = offset
    for number, offset in acknowledged.items():
        if by_number.get(number) != offset:
            there = by_number.get(number, "nowhere")
            yield f"partition {partition}: {number} was acknowledged at {offset}, it is {there}"
    numbers = [number for _, number in found]
    if numbers != sorted(numbers):
        yield f"partition {partition}: the records are out of order"
    if numbers and numbers[-1] >= sent:
        yield f"partition {partition}: {numbers[-1]} was never sent"


def main():
    broker, topic, partitions, seed = sys.argv[1:]
    writer = Writer(broker, topic, int(partitions), random.Random(int(seed)))
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    writer.run(stop)
    faults = list(writer.faults)
    stored = 0
    for partition, acknowledged in enumerate(writer.acknowledged):
        found = read(broker, topic, partition)
        stored += len(found)
        faults += faults_of(partition, found, acknowledged, writer.sent[partition])
    print(f"sent {sum(writer.sent)}, acknowledged {writer.count}, stored {stored}")
    if faults:
        sys.exit("\n".join(faults[:20]))
    print("each is there once and in order")


if __name__ == "__main__":
    main()
