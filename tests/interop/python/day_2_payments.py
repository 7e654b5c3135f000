"""Day 2, scenario 3: financial transactions.

    day_2_payments.py BROKER book
    day_2_payments.py BROKER balance DATABASE ENTRIES [CRASH]

`book` takes each transfer (`NUMBER FROM TO AMOUNT`) and writes two entries to the topic `ledger`
and a line to the topic `audit`, in one transaction with the offset that it has come to. One that is
not covered is taken back after its first entry. It runs until it is killed.

`balance` adds up the entries, and keeps the offsets in its database: sums and offsets change in one
transaction of the database. It ends when it has this many entries, or is killed by itself between
both changes for this one.
"""

import os
import signal
import sqlite3
import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

PARTITIONS = 3
MOST = 9


def consumer_of(broker, group):
    """A consumer that commits nothing by itself, and sees what is committed."""
    return Consumer({
        "bootstrap.servers": broker,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        # The member that was killed is not to be waited for long.
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 2000,
    })


def messages(consumer):
    """What comes, one after the other."""
    while True:
        message = consumer.poll(timeout=1.0)
        if message is not None and not message.error():
            yield message


class Bank:
    """Books transfers, each in a transaction."""

    def __init__(self, broker):
        self.consumer = consumer_of(broker, "bank")
        self.producer = Producer({
            "bootstrap.servers": broker,
            "transactional.id": "bank",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            # librdkafka 2.16 forgets a broker that is away. When it has found it again, it waits
            # for ever for the old one before it sends offsets, with Apache Kafka as well.
            "metadata.recovery.strategy": "none",
        })
        self.producer.init_transactions()

    def book(self):
        """Book what comes, until killed."""
        self.consumer.subscribe(["transfers"])
        for message in messages(self.consumer):
            number, payer, payee, amount = message.value().decode().split()
            is_covered = int(amount) <= MOST
            self.producer.begin_transaction()
            self.producer.produce("ledger", key=payer, value=f"{number} {payer} -{amount}")
            if is_covered:
                self.producer.produce("ledger", key=payee, value=f"{number} {payee} {amount}")
            else:
                self.producer.flush()
                self.producer.abort_transaction()
                self.producer.begin_transaction()
            outcome = "booked" if is_covered else "refused"
            self.producer.produce("audit", value=f"{number} {outcome}")
            self.commit()

    def commit(self):
        """Commit the transaction with the offsets, or take it back and go where it began."""
        try:
            where = self.consumer.position(self.consumer.assignment())
            group = self.consumer.consumer_group_metadata()
            self.again(lambda: self.producer.send_offsets_to_transaction(where, group))
            self.again(self.producer.commit_transaction)
        except KafkaException as failure:
            if not failure.args[0].txn_requires_abort():
                raise
            print(f"taken back: {failure}")
            self.again(self.producer.abort_transaction)
            for place in self.consumer.committed(self.consumer.assignment()):
                place.offset = max(place.offset, 0)
                self.consumer.seek(place)

    def again(self, call):
        """Make a call until it is answered, as long as it may be made again."""
        while True:
            try:
                return call()
            except KafkaException as failure:
                if not failure.args[0].retriable():
                    raise


def balance(broker, path, count, crash):
    """Add up entries in a database, which knows the offsets as well."""
    database = sqlite3.connect(path)
    with database:
        database.execute("create table if not exists sums (account primary key, sum, entries)")
        database.execute("create table if not exists offsets (partition primary key, offset)")
    known = dict(database.execute("select partition, offset from offsets"))
    consumer = consumer_of(broker, "offsets are in the database")
    consumer.assign([
        TopicPartition("ledger", partition, known.get(partition, 0))
        for partition in range(PARTITIONS)
    ])
    entries = lambda: database.execute("select total(entries) from sums").fetchone()[0]
    came = messages(consumer)
    while entries() < count:
        message = next(came)
        _, account, amount = message.value().decode().split()
        with database:
            database.execute(
                "insert into sums values (?, ?, 1) on conflict do update"
                " set sum = sum + excluded.sum, entries = entries + 1",
                (account, int(amount)),
            )
            if entries() == crash:
                os.kill(os.getpid(), signal.SIGKILL)
            database.execute(
                "insert or replace into offsets values (?, ?)",
                (message.partition(), message.offset() + 1),
            )
    for account, total in database.execute("select account, sum from sums order by account"):
        print(account, total)
    consumer.close()


def main():
    broker, what = sys.argv[1:3]
    if what == "book":
        Bank(broker).book()
    else:
        path, count, crash = (sys.argv[3:] + ["-1"])[:3]
        balance(broker, path, int(count), int(crash))


if __name__ == "__main__":
    main()
