#!/usr/bin/env python3
"""Latency through librdkafka, one message in flight.

    python3 -m venv target/latency && target/latency/bin/pip install confluent-kafka==2.16.1
    cargo build --release
    (cd benches/peers/kfake && go build -o ../../../target/kfake .)      # the peer; may be left out
    target/latency/bin/python benches/latency.py --kfake target/kfake

Measured, with 100 bytes a message, linger.ms=0 and acks=all:

* ack: from the call of produce() to the delivery report;
* consumer: from the call of produce() to the return of poll() in a consumer that was waiting.

Rounds of the brokers take turns; each figure is the median over its rounds.
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition, libversion, version

TOPIC = "latency"
VALUE = b"v" * 100
# kfake answers to telemetry, which librdkafka then talks about.
QUIET = {"enable.metrics.push": False}
ROOT = pathlib.Path(__file__).resolve().parent.parent


class Ottla:
    """The broker, in a directory of its own."""

    def __init__(self, binary):
        self.dir = tempfile.TemporaryDirectory()
        ready = pathlib.Path(self.dir.name) / "ready"
        data = pathlib.Path(self.dir.name) / "data"
        self.process = subprocess.Popen(
            [binary, "serve", "--log", "warn", "--listen", "127.0.0.1:0"]
            + ["--data-dir", data, "--ready-file", ready],
            stdout=subprocess.DEVNULL,
        )
        while not ready.exists():
            if self.process.poll() is not None:
                raise SystemExit(f"{binary} did not start")
            time.sleep(0.01)
        self.address = ready.read_text().strip()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.dir.cleanup()


class Kfake:
    """franz-go's fake broker, in memory."""

    def __init__(self, binary):
        self.process = subprocess.Popen([binary], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def close(self):
        self.process.kill()
        self.process.wait()


def producer(address):
    return Producer({"bootstrap.servers": address, "linger.ms": 0, "acks": "all", **QUIET})


def deliver(sender):
    """Produce one message and wait for its report; return when it was handed over, and when the
    report came, in ns."""
    came = []

    def report(error, _message):
        if error is not None:
            raise SystemExit(f"not delivered: {error}")
        came.append(time.perf_counter_ns())

    begun = time.perf_counter_ns()
    sender.produce(TOPIC, VALUE, partition=0, on_delivery=report)
    while not came:
        sender.poll(1)
    return begun, came[0]


def measure_ack(address, warm_up, count):
    """The times from produce() to the delivery report, µs."""
    sender = producer(address)
    times = []
    for _ in range(warm_up + count):
        begun, came = deliver(sender)
        times.append((came - begun) / 1000)
    return times[warm_up:]


def measure_consumer(address, warm_up, count):
    """The times from produce() to the return of a waiting consumer's poll(), µs."""
    sender = producer(address)
    deliver(sender)
    receiver = Consumer({"bootstrap.servers": address, "group.id": "latency", **QUIET})
    partition = TopicPartition(TOPIC, 0)
    partition.offset = receiver.get_watermark_offsets(partition, timeout=10)[1]
    receiver.assign([partition])
    arrived = threading.Semaphore(0)
    times_of_arrival = []

    def receive():
        while len(times_of_arrival) < warm_up + count:
            message = receiver.poll(10)
            now = time.perf_counter_ns()
            if message is not None and message.error() is None:
                times_of_arrival.append(now)
                arrived.release()

    waiting = threading.Thread(target=receive, daemon=True)
    waiting.start()
    times = []
    for n in range(warm_up + count):
        begun = time.perf_counter_ns()
        sender.produce(TOPIC, VALUE, partition=0)
        if not arrived.acquire(timeout=30):
            raise SystemExit("a message did not arrive within 30 s")
        times.append((times_of_arrival[n] - begun) / 1000)
        sender.poll(0)
        # The consumer is to be waiting again, its next fetch at the broker.
        time.sleep(0.0005)
    waiting.join()
    receiver.close()
    return times[warm_up:]


def percentiles(times):
    times = sorted(times)
    return [times[int(len(times) * part)] for part in (0.5, 0.99, 0.999)]


def main():
    arguments = argparse.ArgumentParser(description="Latency through librdkafka.")
    arguments.add_argument("--ottla", default=ROOT / "target/release/ottla")
    arguments.add_argument("--kfake", help="the peer's binary; left out if not given")
    arguments.add_argument("--count", type=int, default=5000, help="messages in a round")
    arguments.add_argument("--warm-up", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    peers = {"ottla": lambda: Ottla(given.ottla)}
    if given.kfake:
        peers["kfake (memory)"] = lambda: Kfake(given.kfake)
    what = {"ack": measure_ack, "consumer": measure_consumer}
    rounds = {(peer, name): [] for peer in peers for name in what}
    for _ in range(given.rounds):
        for peer, start in peers.items():
            broker = start()
            try:
                for name, measure in what.items():
                    times = measure(broker.address, given.warm_up, given.count)
                    rounds[peer, name].append(percentiles(times))
            finally:
                broker.close()
    print(f"confluent-kafka {version()}, librdkafka {libversion()[0]}")
    print(f"{given.rounds} rounds of {given.count} messages, after {given.warm_up} to warm up; µs")
    print(f"{'broker':16} {'produce to':10} {'p50':>7} {'p99':>7} {'p999':>7}   p50 of each round")
    for (peer, name), figures in rounds.items():
        middle = [statistics.median(column) for column in zip(*figures)]
        each = " ".join(f"{figure[0]:.0f}" for figure in figures)
        print(f"{peer:16} {name:10} " + " ".join(f"{m:7.0f}" for m in middle) + f"   {each}")


if __name__ == "__main__":
    main()
