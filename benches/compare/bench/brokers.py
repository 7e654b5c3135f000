"""The brokers that are compared, each as one node in a directory below `target/compare`, on a free
port of the loopback."""

import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from lib import place as p
from lib.brokers import CLUSTER_ID, one_node

from . import output

# What one node cannot do with Kafka's defaults, and a group's first delay, which Ottla has not.
ONE_NODE = {
    "node.id": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}
# As Kafka's own script for its server has it.
JVM = ["-Xmx1g", "-Xms1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
JVM += ["-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]
PATIENCE = 120


class Broker:
    """A broker, stopped at first. Its data stay until `remove`."""

    name = ""

    def __init__(self, tools, work):
        self.tools = tools
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=work))
        self.child = None
        self.address = f"127.0.0.1:{free_port()}"
        self.prepare()

    def prepare(self):
        """What its directory needs before the first start."""

    def command(self):
        raise NotImplementedError

    def start(self):
        """Start; returns the seconds from exec to the first answer to Metadata."""
        with open(self.dir / "log", "a") as log:
            begun = time.perf_counter()
            self.child = p.start(self.command(), self.dir, log, subprocess.STDOUT)
        while True:
            try:
                ask(self.address, METADATA)
                took = time.perf_counter() - begun
                if not listens(self.pid, int(self.address.rsplit(":", 1)[1])):
                    raise p.Failed(f"another process has the port of {self.name}")
                return took
            except OSError:
                if self.child.poll() is not None:
                    raise p.Failed(f"{self.name} ended at its start: {self.dir}/log") from None
                if time.perf_counter() - begun > PATIENCE:
                    raise p.Failed(f"{self.name} does not answer: {self.dir}/log") from None
                time.sleep(0.0002)

    @property
    def pid(self):
        return self.child.pid

    def cpu(self):
        """User and system time so far, s."""
        return output.stat(pathlib.Path(f"/proc/{self.pid}/stat").read_text())

    def rss(self, what="VmRSS"):
        """MB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return output.status(status, what) * 1024 / 1e6

    def kill(self):
        """As `kill -9`."""
        if self.child:
            p.end_session(self.child)
        self.child = None

    def stop(self):
        """Cleanly."""
        if self.child and self.child.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.child.wait(60)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def remove(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class Ottla(Broker):
    name = "ottla"

    def command(self):
        command = [self.tools.ottla, "serve", "--log", "warn", "--listen", self.address]
        return [*command, "--data-dir", self.dir / "data"]

    def size(self):
        return self.tools.ottla.stat().st_size / 1e6


class Kafka(Broker):
    name = "kafka"

    def prepare(self):
        settings = {**ONE_NODE, **one_node(self.address, self.dir / "data")}
        self.properties = self.dir / "server.properties"
        self.properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        format = ["format", "--standalone", "--cluster-id", CLUSTER_ID]
        java = ["java", "-Xmx256m", "-cp", self.tools.jars, "kafka.tools.StorageTool"]
        p.check([*java, *format, "--config", self.properties])

    def command(self):
        return ["java", *JVM, "-cp", self.tools.jars, "kafka.Kafka", self.properties]

    def size(self):
        """Of its jars; the Java that runs them is not counted."""
        jars = pathlib.Path(self.tools.jars).parent.glob("*.jar")
        return sum(jar.stat().st_size for jar in jars) / 1e6


class Kfake(Broker):
    """In memory; it chooses its port."""

    name = "kfake"

    def command(self):
        return [self.tools.kfake]

    def start(self):
        log = open(self.dir / "log", "a")
        self.child = p.start(self.command(), self.dir, subprocess.PIPE, log)
        log.close()
        said = self.child.stdout.readline().decode().strip()
        self.address = said.replace("localhost", "127.0.0.1")
        return 0.0


def free_port():
    """A port that none listens on, below those that the kernel gives to clients: it stays free."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def listens(pid, port):
    """True if this process, and no other, listens on the port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            inodes |= output.listening(pathlib.Path(table).read_text(), port)
        except FileNotFoundError:
            continue
    descriptors = pathlib.Path(f"/proc/{pid}/fd").iterdir()
    open_here = set()
    for descriptor in descriptors:
        try:
            open_here.add(os.readlink(descriptor))
        except OSError:
            continue
    return bool(inodes) and all(f"socket:[{inode}]" in open_here for inode in inodes)


def frame(key, version, body):
    """A request with header 1: correlation id 7, no client id."""
    request = struct.pack(">hhih", key, version, 7, -1) + body
    return struct.pack(">i", len(request)) + request


# Version 1, no topics.
METADATA = frame(3, 1, struct.pack(">i", 0))


def list_offsets(topic, partitions):
    """ListOffsets version 1, the latest of each partition."""
    name = topic.encode()
    body = struct.pack(">iih", -1, 1, len(name)) + name + struct.pack(">i", len(partitions))
    return frame(2, 1, body + b"".join(struct.pack(">iq", index, -1) for index in partitions))


def ask(address, request):
    """The answer without its length and correlation id."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 2) as client:
        client.settimeout(PATIENCE)
        client.sendall(request)
        size = struct.unpack(">i", exactly(client, 4))[0]
        return exactly(client, size)[4:]


def exactly(client, size):
    parts = bytearray()
    while len(parts) < size:
        part = client.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise ConnectionResetError("closed in the middle of an answer")
        parts += part
    return bytes(parts)


def offsets_answered(answer, partitions):
    """True if every partition of the one topic has an offset and no error."""
    count = struct.unpack_from(">i", answer, 0)[0]
    name = struct.unpack_from(">h", answer, 4)[0]
    at = 6 + name
    listed = struct.unpack_from(">i", answer, at)[0]
    codes = [struct.unpack_from(">ih", answer, at + 4 + 22 * n)[1] for n in range(listed)]
    return count == 1 and listed == partitions and not any(codes)
