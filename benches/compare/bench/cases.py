"""What is measured. A case has a function that takes one turn on one broker and gives figures; the
runner takes the medians of the turns."""

import time

from . import output
from .drive import KIB, MIB, PARTITIONS, TOPIC, wait_for_offsets
from .statistics import median, per_gib

# A record of 1 KiB with what is stored around it, and how many of them a batch of 64 KiB has.
RECORD = KIB
PER_BATCH = 63
READ_BATCHES = 16  # to a MiB


def _cpu(cpu, size):
    """By GiB: together, in user space, in the kernel."""
    return {
        "cpu": per_gib(sum(cpu), size),
        "user": per_gib(cpu[0], size),
        "system": per_gib(cpu[1], size),
    }


def warm(run, broker):
    """Before the first turn: the topic, something to read, and code that has been compiled."""
    drive = run.drive
    if broker.name == "kfake":
        drive.create(broker, TOPIC, 1, PARTITIONS)
        drive.produce(broker, 180, 100, 10, 1, 2, 3)
        return
    drive.create(broker, TOPIC, 1, PARTITIONS)
    # One connection writes to partition 0, in whole batches: there are the records to be read.
    drive.produce(broker, 64 * KIB, RECORD, 1, 5, run.mib + 8, 600)
    for _ in range(2):
        drive.produce(broker, 180, 100, 100, 5, 1024, run.seconds)
        drive.rdkafka(broker, _records(run))
    pace(run, broker)


def _records(run):
    return run.mib * READ_BATCHES * PER_BATCH


def fetch_librdkafka(run, broker):
    done, cpu = run.drive.cpu_of(broker, lambda: run.drive.rdkafka(broker, _records(run)))
    return {**_cpu(cpu, done["bytes"]), "rate": done["bytes"] / 1e6 / done["seconds"]}


def fetch_java(run, broker):
    words = ("ConsumerPerformance", broker, "--topic", TOPIC, "--num-records", _records(run))
    said, cpu = run.drive.cpu_of(broker, lambda: run.drive.java(*words))
    done = output.consumer(said)
    size = done["mib"] * MIB
    rate = size / 1e6 / done["seconds"] if done["seconds"] else None
    return {**_cpu(cpu, size), "rate": rate}


def fan_out(readers):
    def turn(run, broker):
        count = _records(run) // 2
        done, cpu = run.drive.cpu_of(broker, lambda: run.drive.rdkafka(broker, count, readers))
        return {**_cpu(cpu, done["bytes"]), "rate": done["bytes"] / 1e6 / done["seconds"]}

    return turn


def produce_raw(run, broker):
    # What kfake keeps, it keeps in memory.
    mib = 64 if broker.name == "kfake" else run.mib
    done = run.drive.produce(broker, 64 * KIB, RECORD, 10, 5, mib, 60)
    cpu = (done["user"], done["system"])
    return {**_cpu(cpu, done["bytes"]), "rate": done["bytes"] / 1e6 / done["seconds"]}


def produce_java(run, broker):
    records = run.mib * 1024
    words = ["--topic", TOPIC, "--num-records", records, "--record-size", RECORD]
    words += ["--throughput", -1]
    work = lambda: run.drive.java("ProducerPerformance", broker, *words)  # noqa: E731
    said, cpu = run.drive.cpu_of(broker, work)
    done = output.producer(said)
    return {**_cpu(cpu, done["records"] * RECORD), "rate": done["mb"]}


def requests(depth):
    """CPU in microseconds a request."""

    def turn(run, broker):
        done = run.drive.produce(broker, 180, 100, 100, depth, 4096, run.seconds)
        cpu = {name: done[name] / done["requests"] * 1e6 for name in ("user", "system")}
        rate = done["requests"] / done["seconds"]
        return {"rate": rate, "cpu": cpu["user"] + cpu["system"], **cpu}

    return turn


def fairness(run, broker):
    mib = 64 if broker.name == "kfake" else 16 * run.mib
    done = run.drive.produce(broker, 64 * KIB, RECORD, 10, 5, mib, min(run.seconds, 2))
    return {"fairness": done["fairness"]}


def pace(run, broker):
    topic = f"pace-{time.monotonic_ns()}"
    run.drive.create(broker, topic, 1, 1)
    return run.drive.wire("pace", broker.address, topic, 1000, run.seconds)


def settle(run, broker):
    group = f"group-{time.monotonic_ns()}"
    done, cpu = run.drive.cpu_of(
        broker, lambda: run.drive.wire("settle", broker.address, group, run.members)
    )
    return {"seconds": done["seconds"], "cpu": sum(cpu)}


def start_empty(run, kind):
    """A new broker in an empty directory."""
    broker = run.fresh(kind)
    try:
        return {"metadata": broker.start() * 1000}
    finally:
        broker.remove()


def start_partitions(run, kind):
    """After kill -9 with many partitions that nothing was written to."""
    broker = run.fresh(kind)
    topics = run.partitions // 100
    try:
        broker.start()
        created = run.drive.create(broker, "many", topics, 100)
        rss = broker.rss()
        starts = []
        for _ in range(run.starts):
            time.sleep(1)
            broker.kill()
            starts.append(broker.start() * 1000)
        return {"metadata": median(starts), "created": created["led"], "rss": rss}
    finally:
        broker.remove()


def start_segments(run, kind):
    """After kill -9 with active segments full of records."""
    broker = run.fresh(kind)
    mib = run.segments_mib
    try:
        broker.start()
        run.drive.create(broker, TOPIC, 1, PARTITIONS)
        run.drive.produce(broker, 64 * KIB, RECORD, PARTITIONS, 5, mib, 600)
        peak = broker.rss("VmHWM")
        metadata, every = [], []
        for _ in range(run.starts):
            broker.kill()
            begun = time.perf_counter()
            metadata.append(broker.start() * 1000)
            wait_for_offsets(broker, TOPIC, PARTITIONS)
            every.append((time.perf_counter() - begun) * 1000)
        return {"metadata": median(metadata), "all": median(every), "peak": peak}
    finally:
        broker.remove()


def memory(run, kind):
    """RSS after five seconds, what a load leaves, and what many connections leave."""
    broker = run.fresh(kind)
    try:
        broker.start()
        time.sleep(5)
        idle = broker.rss()
        connections = run.drive.connections(broker, run.connections)
        run.drive.create(broker, TOPIC, 1, PARTITIONS)
        run.drive.produce(broker, 64 * KIB, RECORD, 10, 5, run.mib, 60)
        time.sleep(2)
        return {
            "idle": idle,
            "loaded": broker.rss(),
            "opened": connections["opened"],
            "open": connections["during"],
            "connections": connections["left"],
            "size": broker.size(),
        }
    finally:
        broker.remove()


# Case -> (the turn, the brokers). On brokers that run all the time.
ON_RUNNING = {
    "fetch/librdkafka": (fetch_librdkafka, ("ottla", "kafka")),
    "fetch/java": (fetch_java, ("ottla", "kafka")),
    "fan-out/1": (fan_out(1), ("ottla", "kafka")),
    "fan-out/8": (fan_out(8), ("ottla", "kafka")),
    "produce/raw": (produce_raw, ("ottla", "kafka", "kfake")),
    "produce/java": (produce_java, ("ottla", "kafka")),
    "requests/1": (requests(1), ("ottla", "kafka", "kfake")),
    "requests/5": (requests(5), ("ottla", "kafka", "kfake")),
    "fairness": (fairness, ("ottla", "kafka", "kfake")),
    "pace": (pace, ("ottla", "kafka", "kfake")),
    "groups": (settle, ("ottla", "kafka")),
}

# On a fresh broker each turn.
ON_FRESH = {
    "start/empty": start_empty,
    "start/partitions": start_partitions,
    "start/segments": start_segments,
    "memory": memory,
}

# What other benches of ours measure.
BY_BENCHES = ("floor", "transactions")
ALL = (*ON_RUNNING, *ON_FRESH, *BY_BENCHES)
