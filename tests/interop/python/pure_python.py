"""A producer and a consumer of kafka-python, which shares no code with Kafka or librdkafka.

    pure_python.py BROKER
"""

import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

COUNT = 500
FIRST_TIMESTAMP = 1_600_000_000_000
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


def expect(what, seen, wanted):
    """End with a clear line if this is not what it should be."""
    if seen != wanted:
        sys.exit(f"{what}: {seen!r}, expected {wanted!r}")


def record(number):
    """Key, value and headers; null and empty ones among them (this client allows no two nulls)."""
    key = [b"key %d" % number, b"", None][number % 3]
    value = [b"value %d " % number * (number % 90), b"", None][number % 4 % 3]
    if key is None and value is None:
        value = b"one of the two"
    return key, value, [("a", b"1"), ("a", b"2")] if number % 2 else []


def produce(broker, topic, codec, idempotent):
    """All records into one partition, at their timestamps; gives the offsets."""
    producer = KafkaProducer(
        bootstrap_servers=broker,
        compression_type=codec,
        enable_idempotence=idempotent,
        acks="all",
        linger_ms=10,
    )
    futures = []
    for number in range(COUNT):
        key, value, headers = record(number)
        futures.append(producer.send(
            topic, value=value, key=key, headers=headers, partition=0,
            timestamp_ms=FIRST_TIMESTAMP + 10 * number,
        ))
    producer.flush(30)
    offsets = [future.get(timeout=30).offset for future in futures]
    producer.close()
    expect(f"{topic}: offsets", offsets, list(range(COUNT)))


def consume(reader, where, count):
    """This many records from where the consumer stands."""
    found = []
    while len(found) < count:
        records = reader.poll(timeout_ms=30_000).get(where)
        if not records:
            sys.exit(f"{where.topic}: nothing more comes after {len(found)} records")
        found += records
    return found


def check(broker, topic):
    """Everything comes back as it went in; the consumer finds its way by offset and by time."""
    where = TopicPartition(topic, 0)
    reader = KafkaConsumer(
        bootstrap_servers=broker, group_id=None, enable_auto_commit=False, check_crcs=True
    )
    reader.assign([where])
    reader.seek_to_beginning(where)
    for number, found in enumerate(consume(reader, where, COUNT)):
        key, value, headers = record(number)
        expect(f"{topic}: offset", found.offset, number)
        seen = (found.key, found.value, list(found.headers), found.timestamp)
        wanted = (key, value, headers, FIRST_TIMESTAMP + 10 * number)
        expect(f"{topic}: record {number}", seen, wanted)
    expect("beginning", reader.beginning_offsets([where]), {where: 0})
    expect("end", reader.end_offsets([where]), {where: COUNT})
    found = reader.offsets_for_times({where: FIRST_TIMESTAMP + 2001})[where]
    expect("by time", (found.offset, found.timestamp), (201, FIRST_TIMESTAMP + 2010))
    reader.seek(where, COUNT - 2)
    offsets = [record.offset for record in consume(reader, where, 2)]
    expect("from an offset", offsets, [COUNT - 2, COUNT - 1])
    reader.close()


def main():
    broker = sys.argv[1]
    topics = set()
    for codec in CODECS:
        for idempotent in [False, True]:
            topic = f"python-{codec}-{idempotent}"
            produce(broker, topic, codec, idempotent)
            check(broker, topic)
            topics.add(topic)
    reader = KafkaConsumer(bootstrap_servers=broker)
    expect("topics", set(reader.topics()), topics)
    expect("partitions", reader.partitions_for_topic("python-gzip-True"), {0})
    reader.close()
    print(f"{len(topics)} topics of {COUNT} records")


if __name__ == "__main__":
    main()
