"""A producer and a consumer of confluent-kafka, and what else a client asks about its topics.

    librdkafka.py BROKER
"""

import sys
import time

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    TIMESTAMP_CREATE_TIME,
    Consumer,
    KafkaError,
    Producer,
    TopicPartition,
)

TOPIC = "librdkafka"
COUNT = 1000
FIRST_TIMESTAMP = 1_600_000_000_000
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def expect(what, seen, wanted):
    """End with a clear line if this is not what it should be."""
    if seen != wanted:
        sys.exit(f"{what}: {seen!r}, expected {wanted!r}")


def produce(broker):
    """Each codec writes its part; timestamps are ten milliseconds apart. Gives the offsets."""
    offsets = []

    def delivered(error, message):
        if error:
            sys.exit(f"not delivered: {error}")
        offsets.append(message.offset())

    part = COUNT // len(CODECS)
    for index, codec in enumerate(CODECS):
        producer = Producer({
            "bootstrap.servers": broker,
            "enable.idempotence": True,
            "compression.type": codec,
            "linger.ms": 20,
        })
        for number in range(index * part, (index + 1) * part):
            producer.produce(
                TOPIC,
                value=value(number),
                key=key(number),
                headers=headers(number),
                partition=0,
                timestamp=FIRST_TIMESTAMP + 10 * number,
                on_delivery=delivered,
            )
        expect("left in the queue", producer.flush(30), 0)
    expect("offsets", offsets, list(range(COUNT)))


def key(number):
    """Some keys are null, some are empty."""
    return [None, b"", b"key %d" % number][number % 3]


def value(number):
    """Some values are null, some are empty, some are long."""
    return [None, b"", b"value %d " % number * (number % 300)][(number // 3) % 3]


def headers(number):
    """Keys may come twice; values may be null or empty."""
    return [("a", b"1"), ("a", b"2"), ("null", None), ("empty", b"")] if number % 2 else None


def consumer(broker, **more):
    """A consumer that belongs to no group of consequence."""
    return Consumer({
        "bootstrap.servers": broker,
        "group.id": "none",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "check.crcs": True,
        **more,
    })


def read_to_end(reader, offset):
    """All messages of the partition from there to its end."""
    reader.assign([TopicPartition(TOPIC, 0, offset)])
    found = []
    while True:
        message = reader.poll(30)
        if message is None:
            sys.exit(f"nothing more comes after {len(found)} messages")
        if message.error():
            expect("error", message.error().code(), KafkaError._PARTITION_EOF)
            return found
        found.append(message)


def check_messages(reader):
    found = read_to_end(reader, OFFSET_BEGINNING)
    expect("messages from the beginning", len(found), COUNT)
    for number, message in enumerate(found):
        expect("offset", message.offset(), number)
        expect("key", message.key(), key(number))
        expect("value", message.value(), value(number))
        expect("headers", message.headers(), headers(number))
        timestamp = (TIMESTAMP_CREATE_TIME, FIRST_TIMESTAMP + 10 * number)
        expect("timestamp", message.timestamp(), timestamp)
    found = read_to_end(reader, 777)
    expect("messages from 777", [m.offset() for m in found], list(range(777, COUNT)))
    expect("messages from the end", read_to_end(reader, OFFSET_END), [])


def check_offsets(reader):
    where = TopicPartition(TOPIC, 0)
    expect("watermarks", reader.get_watermark_offsets(where, timeout=30), (0, COUNT))

    def at(timestamp):
        asked = TopicPartition(TOPIC, 0, timestamp)
        return reader.offsets_for_times([asked], timeout=30)[0].offset

    expect("offset before all", at(0), 0)
    expect("offset of a timestamp", at(FIRST_TIMESTAMP + 5000), 500)
    expect("offset between two timestamps", at(FIRST_TIMESTAMP + 5001), 501)
    expect("offset after all", at(FIRST_TIMESTAMP + 10 * COUNT), OFFSET_END)


def check_metadata(reader, broker):
    metadata = reader.list_topics(timeout=30)
    expect("brokers", [str(b) for b in metadata.brokers.values()], [f"{broker}/1"])
    expect("controller", metadata.controller_id, 1)
    expect("cluster id", len(metadata.cluster_id), 22)
    partitions = metadata.topics[TOPIC].partitions
    expect("partitions", list(partitions), [0])
    shape = (partitions[0].leader, partitions[0].replicas, partitions[0].isrs)
    expect("leader, replicas, in-sync replicas", shape, (1, [1], [1]))


def check_waiting(reader, broker):
    """A consumer at the end is woken by what is produced then."""
    reader.assign([TopicPartition(TOPIC, 0, OFFSET_END)])
    message = reader.poll(30)
    expect("at the end", message.error().code(), KafkaError._PARTITION_EOF)
    begun = time.time_ns() // 1_000_000
    producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True})
    producer.produce(TOPIC, value=b"late", partition=0)
    expect("left in the queue", producer.flush(30), 0)
    message = reader.poll(30)
    expect("what comes late", (message.offset(), message.value()), (COUNT, b"late"))
    expect("its time is the client's", message.timestamp()[1] >= begun, True)


def main():
    broker = sys.argv[1]
    produce(broker)
    reader = consumer(broker)
    check_messages(reader)
    check_offsets(reader)
    check_metadata(reader, broker)
    check_waiting(reader, broker)
    # A limit below the size of a batch: the broker hands out whole batches all the same.
    small = consumer(broker, **{"fetch.message.max.bytes": 1000, "fetch.max.bytes": 1000,
                                "message.max.bytes": 1000})
    expect("messages in small fetches", len(read_to_end(small, OFFSET_BEGINNING)), COUNT + 1)
    small.close()
    reader.close()
    print(f"{COUNT + 1} messages, {len(CODECS)} codecs")


if __name__ == "__main__":
    main()
