#!/usr/bin/env python3
"""Transactions of ten records through the Java client and through librdkafka.

    cargo build --release
    tests/interop/setup                 # or any directory with the jars of kafka-clients 4.4
    target/interop/python/bin/python benches/transactions/latency.py \\
        --jars target/interop/kafka/lib --peer 127.0.0.1:9092

Measured: from beginTransaction() to the return of commitTransaction(), with ten records of 100
bytes in between, by one producer. The brokers take turns; each figure is the median over its
rounds.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from latency import QUIET, ROOT, Ottla  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
RECORDS = 10
VALUE = b"v" * 100


def create(address, topic):
    admin = AdminClient({"bootstrap.servers": address, **QUIET})
    for created in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        created.result()


def librdkafka(address, topic, count):
    """p50 and p99, µs."""
    producer = Producer(
        {
            "bootstrap.servers": address,
            "transactional.id": f"latency-{topic}",
            "linger.ms": 0,
            **QUIET,
        }
    )
    producer.init_transactions()
    times = []
    for _ in range(2 * count):
        begun = time.perf_counter_ns()
        producer.begin_transaction()
        for _ in range(RECORDS):
            producer.produce(topic, VALUE, partition=0)
        producer.commit_transaction()
        times.append((time.perf_counter_ns() - begun) // 1000)
    times = sorted(times[count:])
    return times[count // 2], times[count * 99 // 100]


def java(jars):
    def measure(address, topic, count):
        command = ["java", "-cp", f"{jars}/*", HERE / "Latency.java", address, topic, str(count)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        return tuple(int(number) for number in answer.stdout.split())

    return measure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ottla", default=ROOT / "target/release/ottla")
    parser.add_argument("--peer", help="the address of another broker")
    parser.add_argument("--jars", help="a directory with the jars of kafka-clients")
    parser.add_argument("--count", type=int, default=500, help="transactions of a round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ottla = Ottla(options.ottla)
    brokers = {"ottla": ottla.address}
    if options.peer:
        brokers["peer"] = options.peer
    clients = {"librdkafka": librdkafka}
    if options.jars:
        clients["java"] = java(options.jars)
    for client, measure in clients.items():
        figures = {broker: [] for broker in brokers}
        for round_ in range(options.rounds):
            for broker, address in brokers.items():
                topic = f"{client}-{round_}-{time.time_ns()}"
                create(address, topic)
                figures[broker].append(measure(address, topic, options.count))
        for broker, rounds in figures.items():
            p50, p99 = (statistics.median(column) for column in zip(*rounds))
            print(f"{client} on {broker}: p50 {p50 / 1000:.2f} ms, p99 {p99 / 1000:.2f} ms")
    ottla.close()


if __name__ == "__main__":
    main()
