"""The calls and the configuration of Lab 2 with kafka-python: a producer of JSON, and consumers.

    lab_2.py BROKER
"""

import sys
from json import dumps, loads

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import NoOffsetForPartitionError

TOPIC = "lab02-temperatures"
CITIES = ["Lisbon", "Oslo", "Quito"]
COUNT = 10


def expect(what, seen, wanted):
    """End with a clear line if this is not what it should be."""
    if seen != wanted:
        sys.exit(f"{what}: {seen!r}, expected {wanted!r}")


def reading(number):
    """What the thermometers say."""
    return {"city": CITIES[number % len(CITIES)], "number": number, "temperature_f": 50 + number}


def produce(broker, numbers):
    """Write, and wait until everything is sent."""
    producer = KafkaProducer(
        bootstrap_servers=[broker],
        value_serializer=lambda value: dumps(value).encode("utf-8"),
    )
    for number in numbers:
        producer.send(topic=TOPIC, value=reading(number))
    producer.flush()
    producer.close()


def consumer(broker, reset="earliest", **more):
    """A consumer as in the text."""
    return KafkaConsumer(
        TOPIC,
        bootstrap_servers=[broker],
        auto_offset_reset=reset,
        enable_auto_commit=True,
        auto_commit_interval_ms=1000,
        **more,
    )


def take(reader, count):
    """The next messages, decoded; the loop over a consumer has no end of its own."""
    found = []
    for message in reader:
        found.append(loads(message.value.decode("utf-8")))
        if len(found) == count:
            return found
    sys.exit(f"nothing more comes after {found}")


def check_groups(broker):
    """Who says which group it is goes on where the group was."""
    first = consumer(broker, group_id="weather")
    expect("a new group", take(first, COUNT), [reading(n) for n in range(COUNT)])
    first.close()
    produce(broker, range(COUNT, 2 * COUNT))
    again = consumer(broker, group_id="weather")
    new = [reading(n) for n in range(COUNT, 2 * COUNT)]
    expect("the group again", take(again, COUNT), new)
    again.close()


def check_latest(broker):
    """`latest` shows what comes after the consumer has found the end, and nothing older."""
    new = consumer(broker, "latest", consumer_timeout_ms=60_000)
    while not new.assignment():
        new.poll(timeout_ms=100)
    for partition in new.assignment():
        new.position(partition)
    produce(broker, [42, 43])
    expect("latest", take(new, 2), [reading(42), reading(43)])
    new.close()


def check_strict(broker):
    """`none` is an error where nothing is committed, and nothing special where something is."""
    strict = consumer(broker, "none", group_id="strict")
    try:
        take(strict, 1)
    except NoOffsetForPartitionError:
        strict.close()
    else:
        sys.exit("a group without offsets read something")
    produce(broker, [99])
    known = consumer(broker, "none", group_id="weather")
    expect("none, with an offset", take(known, 1), [reading(99)])
    known.close()


def main():
    broker = sys.argv[1]
    produce(broker, range(COUNT))
    alone = consumer(broker, consumer_timeout_ms=60_000)
    expect("without a group", take(alone, COUNT), [reading(n) for n in range(COUNT)])
    alone.close()
    check_groups(broker)
    check_strict(broker)
    check_latest(broker)
    print(f"{2 * COUNT + 3} readings")


if __name__ == "__main__":
    main()
