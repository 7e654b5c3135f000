"""Clients that are run on a broker, and what they and the broker took."""

import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

from lib import place as p

from . import output
from .brokers import ask, list_offsets, offsets_answered

TOPIC = "load"
PARTITIONS = 10
KIB, MIB = 1024, 1024 * 1024
LIMIT = 900
# What clients and brokers may open, where this user may raise it.
DESCRIPTORS = 65_536


class Drive:
    """The clients of one run. `work` is its directory."""

    def __init__(self, tools, work):
        self.tools, self.work = tools, work
        # 10,000 connections of one client; Ottla lets in a quarter of what it may open.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for limit in (max(hard, DESCRIPTORS), hard):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
                break
            except (ValueError, PermissionError):
                continue

    def run(self, command, env=None):
        """What the command printed; raises if it fails."""
        with tempfile.TemporaryDirectory(dir=self.work) as there:
            status, said = p.run(command, pathlib.Path(there), LIMIT, env)
        if status != 0:
            raise p.Failed(f"{command[0]} ended with {status}: {said[-1000:]}")
        return said

    def wire(self, *words):
        """A command of `benches/wire`; its line of JSON."""
        return json.loads(self.run([self.tools.benches["wire"], *map(str, words)]))

    def create(self, broker, prefix, count, partitions):
        """Create topics; `answered` and `led` in seconds."""
        took = self.wire("topics", broker.address, prefix, count, partitions)
        if count == 1:
            wait_for_offsets(broker, prefix, partitions)
        return took

    def produce(self, broker, batch, record, connections, depth, mib, seconds):
        """Raw produce with acks=all to the topic `load`."""
        sizes = (batch, record, connections, depth, mib, seconds)
        return self.wire("produce", broker.address, broker.pid, *sizes)

    def cpu_of(self, broker, work):
        """What `work` returns, and the user and system time of the broker meanwhile."""
        before = broker.cpu()
        done = work()
        after = broker.cpu()
        return done, (after[0] - before[0], after[1] - before[1])

    def rdkafka(self, broker, count, readers=1):
        """Readers of partition 0 from its start, at once. Gives the slowest one's report."""
        command = [self.tools.rdkafka, "-C", "-t", TOPIC, "-p", "0", "-o", "beginning"]
        command += ["-b", broker.address, "-c", str(count), "-X", "enable.metrics.push=false"]
        files, children = [], []
        for reader in range(readers):
            path = self.work / f"reader-{reader}"
            with open(path, "w") as out:
                children.append(p.start(command, self.work, out, out))
            files.append(path)
        try:
            for child in children:
                child.wait(LIMIT)
        finally:
            for child in children:
                p.end_session(child)
        reports = [output.rdkafka(path.read_text(errors="replace")) for path in files]
        return {
            "bytes": sum(report["bytes"] for report in reports),
            "seconds": max(report["seconds"] for report in reports),
        }

    def java(self, main, broker, *words):
        """One of Kafka's performance tools, with its defaults."""
        java = ["java", "-Xmx512m", "-cp", self.tools.jars, f"org.apache.kafka.tools.{main}"]
        return self.run([*java, "--bootstrap-server", broker.address, *map(str, words)])

    def connections(self, broker, count):
        """Let connections come and go; RSS before, while they are open, and 15 s after, MB."""
        before = broker.rss()
        command = [self.tools.benches["wire"], "connections", broker.address, str(count)]
        path = self.work / "connections"
        read_end, write_end = os.pipe()
        with open(path, "w") as out:
            child = _with_input(command, self.work, out, read_end)
        os.close(read_end)
        try:
            begun = time.monotonic()
            while not path.read_text().strip():
                if child.poll() is not None or time.monotonic() - begun > LIMIT:
                    raise p.Failed("the connections do not open")
                time.sleep(0.05)
            opened = json.loads(path.read_text())["open"]
            during = broker.rss()
            os.close(write_end)
            child.wait(60)
        finally:
            p.end_session(child)
        time.sleep(15)
        return {"opened": opened, "during": during - before, "left": max(0, broker.rss() - before)}


def wait_for_offsets(broker, topic, partitions):
    """Until every partition of the topic says where it ends: only then can all be written to."""
    begun = time.monotonic()
    request = list_offsets(topic, range(partitions))
    while not offsets_answered(ask(broker.address, request), partitions):
        if time.monotonic() - begun > 300:
            raise p.Failed(f"partitions of {broker.name} do not answer")
        time.sleep(0.001)


def _with_input(command, work, out, read_end):
    """As `place.start`, which gives no input."""
    child = subprocess.Popen(
        [str(word) for word in command],
        cwd=work,
        stdin=read_end,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    p.RUNNING.add(child)
    return child


def dd(work, mib):
    """CPU seconds a GiB of writing zeros to a new file: what a page of the cache costs here now."""
    path = work / "dd"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p.check(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={mib}", "status=none"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    path.unlink()
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return (user + system) * 1024 / mib
