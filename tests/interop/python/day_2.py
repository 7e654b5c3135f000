"""Day 2, exercises 2 and 3: groups beside each other, a group of two, and manual commits.

    day_2.py BROKER
"""

import sys
import time

from confluent_kafka import Consumer, Producer

TOPIC = "user-events"
PARTITIONS = 3
LIMIT_S = 60


class Reader:
    """A consumer of a group from the beginning, and what it has read."""

    def __init__(self, broker, group, commits_itself=True):
        self.found = []
        self.owned = set()
        self.consumer = Consumer({
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": commits_itself,
            # The other members are to learn quickly of who comes and goes.
            "heartbeat.interval.ms": 500,
        })
        self.consumer.subscribe([TOPIC], on_assign=self._assigned, on_revoke=self._revoked)

    def _assigned(self, _, partitions):
        self.owned = {where.partition for where in partitions}

    def _revoked(self, _, partitions):
        self.owned = set()

    def poll(self):
        """Take what is there."""
        for message in self.consumer.consume(100, 0.1):
            if message.error():
                sys.exit(f"consumer: {message.error()}")
            self.found.append(message.value().decode())

    def close(self):
        self.consumer.close()


def expect(what, seen, wanted):
    """End with a clear line if this is not what it should be."""
    if seen != wanted:
        sys.exit(f"{what}: {seen!r}, expected {wanted!r}")


def until(what, readers, holds):
    """Let the readers read until this holds."""
    end = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"waited for {what}: {[(r.owned, len(r.found)) for r in readers]}")
        for reader in readers:
            reader.poll()


def produce(broker, name, count):
    """Messages without keys and with keys; gives their values."""
    values = [f"{name} {number}" for number in range(count)]
    producer = Producer({"bootstrap.servers": broker})
    for number, value in enumerate(values):
        producer.produce(TOPIC, value=value, key=[None, f"user{number % 4}"][number % 2])
    expect("left in the queue", producer.flush(LIMIT_S), 0)
    return sorted(values)


def exercise_2(broker):
    """Each group reads everything; the members of one share."""
    first = produce(broker, "first", 60)
    a, b = Reader(broker, "consumer-group-a"), Reader(broker, "consumer-group-b")
    until("both groups", [a, b], lambda: min(len(a.found), len(b.found)) >= len(first))
    expect("group a", sorted(a.found), first)
    expect("group b", sorted(b.found), first)

    a2 = Reader(broker, "consumer-group-a")
    group_a = [a, a2]
    shared = lambda: sorted(map(len, [a.owned, a2.owned])) == [1, 2] and not a.owned & a2.owned
    until("the two of group a", [a, a2, b], shared)
    before = len(a.found)
    second = produce(broker, "second", 60)
    news = lambda: a.found[before:] + a2.found
    until("news", [a, a2, b], lambda: len(news()) >= 60 and len(b.found) >= 120)
    expect("group a of two", sorted(news()), second)
    expect("each has something", all(0 < len(r.owned) for r in group_a), True)
    expect("group b", sorted(b.found), sorted(first + second))

    a.close()
    until("the one that is left", [a2, b], lambda: len(a2.owned) == PARTITIONS)
    a2.close()
    b.close()
    return first + second


def exercise_3(broker, written):
    """Without commits a group begins again; with one it goes on."""
    for attempt in ["first", "second"]:
        reader = Reader(broker, "manual-commit-group", commits_itself=False)
        until(f"the {attempt} time", [reader], lambda: len(reader.found) >= len(written))
        expect(f"the {attempt} time", sorted(reader.found), sorted(written))
        if attempt == "second":
            reader.consumer.commit(asynchronous=False)
        reader.close()
    new = produce(broker, "third", 30)
    reader = Reader(broker, "manual-commit-group", commits_itself=False)
    until("the third time", [reader], lambda: len(reader.found) >= len(new))
    expect("the third time", sorted(reader.found), new)
    reader.close()


def main():
    broker = sys.argv[1]
    exercise_3(broker, exercise_2(broker))
    print("groups beside each other, a group of two, manual commits")


if __name__ == "__main__":
    main()
