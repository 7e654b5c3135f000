"""A group takes in the partitions that its topic is given while it reads."""

import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

broker = {"bootstrap.servers": sys.argv[1]}
admin = AdminClient(broker)
admin.create_topics([NewTopic("grows", 1, 1)])["grows"].result(30)
consumer = Consumer(
    broker
    | {
        "group.id": "readers",
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 200,
    }
)
consumer.subscribe(["grows"])
deadline = time.monotonic() + 60


def until(what, holds):
    while not holds(consumer.poll(0.1)):
        assert time.monotonic() < deadline, what


until("the first assignment", lambda _: len(consumer.assignment()) == 1)
admin.create_partitions([NewPartitions("grows", 3)])["grows"].result(30)
until("the new partitions", lambda _: len(consumer.assignment()) == 3)
producer = Producer(broker)
producer.produce("grows", b"in the last", partition=2)
producer.flush(30)
until("the record", lambda m: m is not None and (m.partition(), m.value()) == (2, b"in the last"))
consumer.close()
print("ok")
