"""Apache Kafka's own check of clients and brokers of different versions: ClientCompatibilityTest,
and VerifiableProducer and VerifiableConsumer as its system tests use them."""

import json
import signal
import time

from lib import place as p
from lib.case import Case, Result, Suite

TOOLS = "org.apache.kafka.tools."
ASSIGNORS = "org.apache.kafka.clients.consumer."
PARTITIONS = 4
RECORDS = 2000
TOPIC = "verified"

SUPPORTED = (
    "offsets-for-times-supported",
    "cluster-id-supported",
    "create-topics-supported",
    "describe-acls-supported",
    "describe-configs-supported",
    "idempotent-producer-supported",
)

# Name -> the flags of the consumers.
CONSUMERS = {
    "RangeAssignor": ["--assignment-strategy", ASSIGNORS + "RangeAssignor"],
    "RoundRobinAssignor": ["--assignment-strategy", ASSIGNORS + "RoundRobinAssignor"],
    "StickyAssignor": ["--assignment-strategy", ASSIGNORS + "StickyAssignor"],
    "CooperativeStickyAssignor": ["--assignment-strategy", ASSIGNORS + "CooperativeStickyAssignor"],
    "static members": ["--group-instance-id", "member-{member}"],
    "auto-commit": ["--enable-autocommit"],
}

# Name -> the flags of the producer.
PRODUCERS = {
    "acks=0": ["--acks", "0"],
    "acks=1": ["--acks", "1"],
    "acks=all": ["--acks", "-1"],
    "keys and times": ["--repeating-keys", "7", "--message-create-time", "1600000000000"],
    "prefixed values": ["--value-prefix", "5"],
}


class Wrong(Exception):
    """What a tool said is not what it had to say."""


class Apache(Suite):
    name = "apache"
    version = p.KAFKA
    about = "ClientCompatibilityTest, VerifiableProducer, VerifiableConsumer"
    limit = 180
    jobs = 1
    smoke = ("ClientCompatibilityTest", "VerifiableConsumer RangeAssignor")

    def prepare(self, place):
        p.interop_clients()

    def cases(self, place, broker):
        names = ["ClientCompatibilityTest"]
        names += [f"VerifiableProducer {name}" for name in PRODUCERS]
        names += [f"VerifiableConsumer {name}" for name in CONSUMERS]
        names.append("VerifiableConsumer goes on where the last one stopped")
        settings = {"num.partitions": str(PARTITIONS)}
        return [Case(name, [name], settings) for name in names]

    def run(self, place, case, tests, broker, work):
        tools = Tools(place, broker, work, self.limit, f"{TOPIC}-{time.time_ns()}")
        tool, _, how = case.name.partition(" ")
        try:
            if tool == "ClientCompatibilityTest":
                compatible(tools)
            elif tool == "VerifiableProducer":
                produced(tools, PRODUCERS[how])
            elif how in CONSUMERS:
                shared(tools, CONSUMERS[how])
            else:
                continued(tools)
        except Wrong as wrong:
            return {case.name: Result(False, str(wrong))}
        finally:
            tools.end()
        return {case.name: Result(True)}


class Tools:
    """Kafka's tools, each a process that says in lines of JSON what happens."""

    def __init__(self, place, broker, work, limit, topic):
        self.java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self.java += ["-cp", place.jars()]
        self.broker = broker
        self.work = work
        self.deadline = time.monotonic() + limit
        self.topic = topic
        self.running = []

    def start(self, name, tool, flags):
        flags = ["--bootstrap-server", self.broker.address, "--topic", self.topic, *flags]
        out, err = (open(self.work / file, "w") for file in (name, f"{name}.err"))
        child = p.start([*self.java, TOOLS + tool, *flags], self.work, out, err)
        started = Tool(name, child, self.work / name)
        self.running.append(started)
        return started

    def wait(self, what, condition):
        """Wait for the condition, as long as the case may take."""
        while not condition():
            if time.monotonic() > self.deadline:
                raise Wrong(f"took too long: {what}")
            time.sleep(0.05)

    def finish(self, tool):
        """Wait until it ends by itself; it must say that all is well."""
        self.wait(f"the end of {tool.name}", lambda: tool.child.poll() is not None)
        if tool.child.returncode != 0:
            said = (self.work / f"{tool.name}.err").read_text().strip().splitlines()
            said += tool.path.read_text().strip().splitlines()
            raise Wrong(f"{tool.name} exited with {tool.child.returncode}: {' / '.join(said[-4:])}")

    def stop(self, tool):
        """Ask it to end, as a system test does."""
        tool.child.send_signal(signal.SIGTERM)
        self.wait(f"the stop of {tool.name}", lambda: tool.child.poll() is not None)
        if not tool.events("shutdown_complete"):
            raise Wrong(f"{tool.name} did not say that it was shut down")

    def end(self):
        for tool in self.running:
            p.end_session(tool.child)


class Tool:
    def __init__(self, name, child, path):
        self.name = name
        self.child = child
        self.path = path

    def events(self, name):
        """All events of that name so far."""
        found = []
        for line in self.path.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("name") == name:
                found.append(event)
        return found

    def records(self):
        """Value -> how often it was consumed."""
        times = {}
        for record in self.events("record_data"):
            times[record["value"]] = times.get(record["value"], 0) + 1
        return times

    def owned(self):
        """The partitions that it has now."""
        parts = set()
        for line in self.path.read_text().splitlines():
            event = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            reported = {(part["topic"], part["partition"]) for part in event.get("partitions", [])
                    if "topic" in part}
            if event.get("name") == "partitions_assigned":
                parts |= reported
            elif event.get("name") == "partitions_revoked":
                parts -= reported
        return parts


def compatible(tools):
    flags = [word for name in SUPPORTED for word in (f"--{name}", "true")]
    flags += ["--expect-record-too-large-exception", "false", "--num-cluster-nodes", "1"]
    tools.finish(tools.start("compatible", "ClientCompatibilityTest", flags))


def produce(tools, flags, records=RECORDS):
    """Gives what was acknowledged: value -> once."""
    flags = ["--max-messages", str(records), *flags]
    producer = tools.start("producer", "VerifiableProducer", flags)
    tools.finish(producer)
    sent = [event["value"] for event in producer.events("producer_send_success")]
    failed = producer.events("producer_send_error")
    if failed:
        raise Wrong(f"{len(failed)} sends failed, the first: {failed[0].get('message')}")
    if len(sent) != records or len(set(sent)) != records:
        raise Wrong(f"{len(sent)} of {records} sends succeeded, {len(set(sent))} values")
    return dict.fromkeys(sent, 1)


def produced(tools, flags):
    sent = produce(tools, flags)
    flags = ["--group-id", "readers", "--verbose", "--max-messages", str(RECORDS)]
    consumer = tools.start("consumer", "VerifiableConsumer", flags)
    tools.finish(consumer)
    same(consumer.records(), sent)


def shared(tools, flags):
    """Two members share the partitions, read all records once, and commit."""
    members = []
    for member in (1, 2):
        own = [word.format(member=member) for word in flags]
        own += ["--group-id", "sharers", "--verbose"]
        members.append(tools.start(f"member-{member}", "VerifiableConsumer", own))
        if member == 1:
            # It creates the topic by asking about it.
            tools.wait("the first assignment", lambda: len(members[0].owned()) == PARTITIONS)
    half = PARTITIONS // 2
    tools.wait("equal shares", lambda: all(len(member.owned()) == half for member in members))
    # Without keys all of them may go to one partition.
    sent = produce(tools, ["--repeating-keys", "50"])
    tools.wait("all records", lambda: sum(len(m.records()) for m in members) >= RECORDS)
    for member in members:
        tools.stop(member)
    read = {}
    for member in members:
        if not member.records():
            raise Wrong(f"{member.name} read nothing")
        for value, times in member.records().items():
            read[value] = read.get(value, 0) + times
        if "--enable-autocommit" not in flags:
            committed(member)
    same(read, sent)


def continued(tools):
    """What one consumer has committed the next one does not read."""
    sent = produce(tools, [])
    read = {}
    for name in ("first", "second"):
        flags = ["--group-id", "readers", "--verbose", "--max-messages", str(RECORDS // 2)]
        consumer = tools.start(name, "VerifiableConsumer", flags)
        tools.finish(consumer)
        committed(consumer)
        read |= consumer.records()
    same(read, sent)


def committed(consumer):
    commits = consumer.events("offsets_committed")
    wrong = [commit for commit in commits if not commit.get("success")]
    if wrong or not commits:
        raise Wrong(f"{consumer.name}: {len(wrong)} of {len(commits)} commits failed: {wrong[:1]}")


def same(read, sent):
    if read != sent:
        lost = len(set(sent) - set(read))
        twice = sum(times > 1 for times in read.values())
        raise Wrong(f"{lost} of {len(sent)} records lost, {twice} read twice")


SUITE = Apache()
