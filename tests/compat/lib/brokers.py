"""The broker that a suite is run on: Ottla's release build, or Apache Kafka from the same jars as
its tools. Both as one node, in a directory of their own, on a free port of this machine."""

import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from .place import ENDING, Failed, check, clean_environment

# Any id will do; this is 16 bytes in Kafka's Base64.
CLUSTER_ID = "b3R0bGEtaW50ZXJvcC0xMQ"

# What Ottla does by itself: one node, no delay of rebalances.
KAFKA_LIKE_OTTLA = {
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "controller.quorum.append.linger.ms": "0",
    "log.initial.task.delay.ms": "100",
}


# All that have been started and not stopped.
RUNNING = set()


class Broker:
    """A running broker; `stop` ends it and removes its directory."""

    kind = ""

    def __init__(self):
        if ENDING.is_set():
            raise Failed("ended from outside")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ottla-compat-"))
        self.child = None
        self.address = ""
        RUNNING.add(self)

    def spawn(self, command, log):
        self.log = open(log, "w")
        self.child = subprocess.Popen(
            [str(word) for word in command],
            cwd=self.dir,
            # What it makes for itself goes with its directory, also if it has to be killed.
            env={**clean_environment(), "TMPDIR": str(self.dir)},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        if ENDING.is_set():
            self.stop()
            raise Failed("ended from outside")

    def wait_until(self, ready, seconds):
        """Wait for the condition; raises if the broker ends first, or after this many seconds."""
        begun = time.monotonic()
        while not ready():
            if self.child.poll() is not None:
                raise Failed(f"{self.kind} ended at its start: {self.log.name}")
            if time.monotonic() - begun > seconds:
                raise Failed(f"{self.kind} does not become ready: {self.log.name}")
            time.sleep(0.02)

    def alive(self):
        return self.child.poll() is None

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.child:
            self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        RUNNING.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Ottla(Broker):
    kind = "ottla"

    def __init__(self, place, settings, listen, log):
        super().__init__()
        ready = self.dir / "ready"
        sets = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        listen = place_to_listen(listen)
        command = [place.ottla, "serve", "--listen", listen, "--ephemeral", "--ready-file", ready]
        self.spawn([*command, *sets], log)
        try:
            self.wait_until(lambda: ready.is_file() and ready.read_text().strip(), 30)
        except Failed:
            self.stop()
            raise
        self.address = ready.read_text().strip()


def one_node(address, data):
    """Settings of a Kafka that is broker and controller."""
    controller = address
    # The kernel may give the same port twice while none listens on it.
    while controller == address:
        controller = f"127.0.0.1:{free_port()}"
    return {
        "process.roles": "broker,controller",
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": controller,
        "log.dirs": data,
    }


class Kafka(Broker):
    kind = "kafka"

    def __init__(self, place, settings, listen, log):
        super().__init__()
        host, port = place_to_listen(listen).split(":")
        self.address = f"{host}:{int(port) or free_port()}"
        settings = {"node.id": "1", **KAFKA_LIKE_OTTLA, **settings}
        settings |= one_node(self.address, self.dir / "data")
        properties = self.dir / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        java = ["java", "-Xmx1g", "-XX:+UseSerialGC", "-cp", place.jars()]
        format = ["format", "--standalone", "--cluster-id", CLUSTER_ID, "--config", properties]
        # Which replicas may lead is no question where there is one.
        format += ["--feature", "eligible.leader.replicas.version=0"]
        check([*java, "kafka.tools.StorageTool", *format])
        self.spawn([*java, "kafka.Kafka", properties], log)
        try:
            self.wait_until(self.answers, 120)
        except Failed:
            self.stop()
            raise

    def answers(self):
        """True once it names a broker in its metadata."""
        host, port = self.address.split(":")
        # Metadata, version 1, correlation 7, no client id, no topics.
        request = struct.pack(">hhihi", 3, 1, 7, -1, 0)
        try:
            with socket.create_connection((host, int(port)), 1) as client:
                client.settimeout(5)
                client.sendall(struct.pack(">i", len(request)) + request)
                answer = client.recv(12, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0


KINDS = {"ottla": Ottla, "kafka": Kafka}


def place_to_listen(listen):
    """A free port, or the one that the tests insist on: only one broker has it at a time."""
    if not listen:
        return "127.0.0.1:0"
    host, port = listen.split(":")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, int(port)))
        except OSError as error:
            raise Failed(f"these tests insist on {listen}, and someone has it: {error}") from error
    return listen


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
