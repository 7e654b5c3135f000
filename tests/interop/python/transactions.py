"""Transactions with confluent-kafka. See tests/interop/transactions for what it is asked and what
it prints.

    transactions.py BROKER write TOPIC FIRST COUNT
    transactions.py BROKER copy SOURCE TARGET GROUP
    transactions.py BROKER fence TOPIC
"""

import sys

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)

AT_ONCE = 10
PARTITIONS = 3


def config(broker, **more):
    return {
        "bootstrap.servers": broker,
        "reconnect.backoff.max.ms": 500,
        # By default librdkafka forgets a broker that is down, but waits for it all the same where it
        # was the coordinator: send_offsets_to_transaction never comes back (its issue 5511).
        "metadata.recovery.strategy": "none",
        "log_level": 0,
        **more,
    }


def transactional(broker, name):
    producer = Producer(config(broker, **{"transactional.id": name}))
    producer.init_transactions()
    return producer


def write(broker, topic, first, count):
    """Records of a transaction that is aborted, and then the numbers in one that is committed."""
    producer = transactional(broker, "writer")
    producer.begin_transaction()
    for partition in range(PARTITIONS):
        producer.produce(topic, "aborted", partition=partition)
    producer.flush()
    producer.abort_transaction()
    producer.begin_transaction()
    for number in range(int(first), int(first) + int(count)):
        producer.produce(topic, str(number), f"key {number}", partition=number % PARTITIONS)
    producer.commit_transaction()


def go_back(consumer):
    """To where the last transaction that was committed has ended."""
    for where in consumer.committed(consumer.assignment()):
        if where.offset < 0:
            where.offset = OFFSET_BEGINNING
        consumer.seek(where)


def retried(call, *args):
    """The call may be made again, and must be, if the error says so."""
    while True:
        try:
            return call(*args)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            print(f"failed: {error}")


def after(messages):
    ends = {(m.topic(), m.partition()): m.offset() + 1 for m in messages}
    return [TopicPartition(*where, offset) for where, offset in ends.items()]


def copy(broker, source, target, group):
    consumer = Consumer(config(broker, **{
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 2000,
        "heartbeat.interval.ms": 300,
        # A fetch that waits is waited for by what comes after it, at each seek.
        "fetch.wait.max.ms": 50,
    }))
    producer = transactional(broker, group)
    consumer.subscribe([source])
    turn = 0
    while True:
        found = consumer.consume(AT_ONCE, 0.1)
        messages = [message for message in found if not message.error()]
        if not messages:
            continue
        turn += 1
        try:
            producer.begin_transaction()
            for m in messages:
                value = b"copy of " + m.value()
                producer.produce(target, value, m.key(), partition=m.partition())
            metadata = consumer.consumer_group_metadata()
            retried(producer.send_offsets_to_transaction, after(messages), metadata)
            if turn % 5 == 0:
                # What is not sent yet would not be sent.
                producer.flush()
                retried(producer.abort_transaction)
                go_back(consumer)
                print("aborted")
            else:
                retried(producer.commit_transaction)
                print("committed")
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                raise
            print(f"failed: {error}")
            retried(producer.abort_transaction)
            go_back(consumer)


def fence(broker, topic):
    """What the older of two producers with one id is refused with, whatever it does next. It sends
    in the background: what becomes of that is known when the transaction is committed."""
    for call in ["begin", "send", "commit", "abort"]:
        older = transactional(broker, call)
        older.begin_transaction()
        older.produce(topic, "value")
        older.flush()
        if call == "begin":
            older.commit_transaction()
        newer = transactional(broker, call)
        try:
            if call == "begin":
                older.begin_transaction()
            if call in ("begin", "send"):
                older.produce(topic, "value")
            if call == "abort":
                older.abort_transaction()
            else:
                older.commit_transaction()
            print(f"{call}: done")
        except KafkaException as raised:
            error = raised.args[0]
            must_abort = error.txn_requires_abort()
            # The text says which request was refused first, which is by chance.
            print(f"{call}: {error.name()}, fatal: {error.fatal()}, must abort: {must_abort}")
        newer.begin_transaction()
        newer.produce(topic, "value")
        newer.commit_transaction()


def main():
    broker, command, *args = sys.argv[1:]
    {"write": write, "copy": copy, "fence": fence}[command](broker, *args)


if __name__ == "__main__":
    main()
