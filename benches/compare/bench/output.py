"""What the tools say, as figures."""

import re

from lib.place import Failed

# % 500000 messages (512000000 bytes) consumed in 812ms: 615763 msgs/s and 630.54 MB/s (...)
RDKAFKA = re.compile(r"^% (\d+) messages \((\d+) bytes\) consumed in (\d+)ms", re.M)
# 500000 records sent, 310559.0 records/sec (303.28 MB/sec), 87.35 ms avg latency, ...
PRODUCER = re.compile(r"^(\d+) records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\)", re.M)
# 50 producers: 7.10 x the peer's transactions per second of processor
TRANSACTIONS = re.compile(r"^(ottla|peer): (\d+) transactions a second, (\d+) for a second", re.M)


def rdkafka(said):
    """Messages, bytes and seconds of `rdkafka_performance -C`: the last report is the whole."""
    found = RDKAFKA.findall(said)
    if not found:
        raise Failed(f"rdkafka_performance reports nothing: {said[-500:]}")
    messages, size, took = found[-1]
    return {"messages": int(messages), "bytes": int(size), "seconds": int(took) / 1000}


def producer(said):
    """Records and MB/s (the tool's MB are MiB) of `ProducerPerformance`; its last line counts."""
    found = PRODUCER.findall(said)
    if not found:
        raise Failed(f"ProducerPerformance reports nothing: {said[-500:]}")
    records, _, mib = found[-1]
    return {"records": int(records), "mb": float(mib) * 2**20 / 1e6}


def consumer(said):
    """MiB and records of `ConsumerPerformance`: a line with commas, without its header."""
    for line in reversed(said.splitlines()):
        parts = [part.strip() for part in line.split(",")]
        if len(parts) >= 6 and re.fullmatch(r"[\d.]+", parts[2]):
            # start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, MB/s, records/s
            took = float(parts[7]) / 1000 if len(parts) > 7 else None
            return {"mib": float(parts[2]), "records": int(parts[4]), "seconds": took}
    raise Failed(f"ConsumerPerformance reports nothing: {said[-500:]}")


def transactions(said):
    """By broker, the median of (a second, a second of its processor)."""
    rounds = {"ottla": [], "peer": []}
    for broker, rate, per_cpu in TRANSACTIONS.findall(said):
        rounds[broker].append({"rate": int(rate), "per_cpu": int(per_cpu)})
    if not all(rounds.values()):
        raise Failed(f"the bench of transactions reports nothing: {said[-500:]}")
    return rounds


def load(said):
    """By case of the bench `load`: CPU of broker and floor, s/GiB, and their ratio as printed."""
    cases = {}
    cpu = r"([\d.]+) \([\d.]+\s*\+\s*[\d.]+\)"
    for line in said.splitlines():
        found = re.match(rf"(\S+/c\d+)\s.*?{cpu}\s+{cpu}\s+([\d.]+)", line)
        if found:
            case, broker, floor, ratio = found.groups()
            cases[case] = {"cpu": float(broker), "floor": float(floor), "ratio": float(ratio)}
    return cases


def stat(line):
    """User and system time of a line of /proc/PID/stat, s, with those of children that have
    ended; its name may hold anything."""
    fields = line.rsplit(")", 1)[1].split()
    # From the third field on; 14 to 17 are wanted.
    user, system, children_user, children_system = (int(field) for field in fields[11:15])
    return ((user + children_user) / 100, (system + children_system) / 100)


def status(text, name):
    """A figure of /proc/PID/status in KiB."""
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))


def listening(table, port):
    """The inodes of the sockets that listen on this port, of /proc/net/tcp."""
    inodes = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        # Local address, remote address, state: 0A is LISTEN.
        if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
            inodes.add(fields[9])
    return inodes
