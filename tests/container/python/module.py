"""Testcontainers' Kafka module as it is, with ZooKeeper (its default) and with KRaft."""

import sys

from kafka import KafkaConsumer, KafkaProducer
from testcontainers.kafka import KafkaContainer


def round_trip(bootstrap):
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    offset = producer.send("t", b"value", b"key").get(timeout=30).offset
    assert offset == 0, offset
    producer.close()
    consumer = KafkaConsumer(
        "t",
        bootstrap_servers=bootstrap,
        group_id="g",
        auto_offset_reset="earliest",
        consumer_timeout_ms=30000,
    )
    record = next(consumer)
    assert (record.key, record.value) == (b"key", b"value"), record
    consumer.close()


for kraft in (False, True):
    container = KafkaContainer(sys.argv[1])
    if kraft:
        container.with_kraft()
    with container:
        round_trip(container.get_bootstrap_server())
    print("kraft" if kraft else "zookeeper", "ok")
