"""The page that a run writes: docs/benchmarks-compare.md and its chart."""

from lib.place import ROOT

from . import chart, goals
from .statistics import ratio

PAGE = ROOT / "docs" / "benchmarks-compare.md"
CHART = ROOT / "docs" / "benchmarks-compare.svg"

BROKERS = ("ottla", "kafka", "kfake")

# Case -> (how it is called, the unit of its rate, the unit of its CPU).
LOADS = {
    "fetch/librdkafka": ("fetch, librdkafka, one reader", "MB/s", "s/GiB"),
    "fetch/java": ("fetch, Java client, one reader", "MB/s", "s/GiB"),
    "fan-out/1": ("fan-out, librdkafka, 1 reader", "MB/s", "s/GiB"),
    "fan-out/8": ("fan-out, librdkafka, 8 readers, of what goes out", "MB/s", "s/GiB"),
    "produce/raw": ("produce, 64 KiB batches, 10 connections x 5", "MB/s", "s/GiB"),
    "produce/java": ("produce, Java client with its defaults", "MB/s", "s/GiB"),
    "requests/1": ("100 connections x 1, records of 100 B", "req/s", "µs/request"),
    "requests/5": ("100 connections x 5, records of 100 B", "req/s", "µs/request"),
}

# (case, figure) -> (how it is called, unit).
SINGLE = {
    ("fairness", "fairness"): ("slowest of 10 connections / mean, 64 KiB x 5", ""),
    ("groups", "seconds"): ("{members} members join one group, until each has its share", "s"),
    ("transactions", "per_cpu"): ("transactions for a second of the broker's processor", ""),
    ("start/empty", "metadata"): ("exec to Metadata, empty directory", "ms"),
    ("start/partitions", "metadata"): ("the same after kill -9, {partitions} partitions", "ms"),
    ("start/partitions", "created"): ("creating them, until all have leaders", "s"),
    ("start/partitions", "rss"): ("RSS with them", "MB"),
    ("start/segments", "metadata"): ("exec to Metadata after kill -9, 10 segments, {mib} MiB", "ms"),
    ("start/segments", "all"): ("the same, until all partitions answer ListOffsets", "ms"),
    ("start/segments", "peak"): ("peak RSS while they were written", "MB"),
    ("memory", "idle"): ("RSS after 5 s idle", "MB"),
    ("memory", "loaded"): ("RSS after a produce load", "MB"),
    ("memory", "opened"): ("idle connections that are let in, of {connections}", ""),
    ("memory", "open"): ("more RSS while they are open", "MB"),
    ("memory", "connections"): ("what is left of it 15 s after they have closed", "MB"),
    ("memory", "size"): ("binary; Kafka: its jars, without Java", "MB"),
}


def number(figure):
    """Three digits that count."""
    if figure is None:
        return "-"
    if figure == 0:
        return "0"
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def table(head, rows):
    """A table of Markdown; all columns but the first are numbers."""
    lines = [head, ["--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def of(results, case, broker, key):
    return results.get(case, {}).get(broker, {}).get(key)


def loads(results):
    """What the loads took, a line for each case and broker."""
    rows = []
    for case, (name, rate, cpu) in LOADS.items():
        for broker in BROKERS:
            one = results.get(case, {}).get(broker)
            if not one:
                continue
            parts = f"{number(one['user'])} + {number(one['system'])}"
            against = ratio(one["cpu"], of(results, case, "kafka", "cpu"))
            row = [name if broker == "ottla" else "", broker, f"{number(one['rate'])} {rate}"]
            rows.append([*row, f"{number(one['cpu'])} {cpu}", parts, number(against)])
    head = ["Load", "Broker", "Rate", "CPU", "user + system", "of Kafka's CPU"]
    return table(head, rows)


def latencies(results):
    """At 1,000 records a second."""
    rows = []
    for key, name in (("ack", "produce to ack"), ("consume", "produce to consumer")):
        for broker in BROKERS:
            figures = of(results, "pace", broker, key)
            if figures:
                shown = [number(figure) for figure in figures]
                rows.append([name if broker == "ottla" else "", broker, *shown])
    return table(["Latency, µs", "Broker", "p50", "p99", "p999"], rows)


def singles(results, sizes):
    """One figure a broker."""
    rows = []
    for (case, key), (name, unit) in SINGLE.items():
        if case not in results:
            continue
        figures = [of(results, case, broker, key) for broker in ("ottla", "kafka")]
        named = f"{name.format(**sizes)}, {unit}" if unit else name.format(**sizes)
        rows.append([named, *map(number, figures), number(ratio(*figures))])
    return table(["", "Ottla", "Kafka", "Ottla / Kafka"], rows)


def verdicts(results, short):
    rows = [list(row) for row in goals.rows(results, short)]
    return table(["Goal", "Limit", "Measured", ""], rows)


HEAD = """# Ottla beside Apache Kafka

Written by `benches/compare/run`, which anyone can run: it installs Apache Kafka {kafka} (Maven),
librdkafka {librdkafka} (its source in a crate, cargo) and franz-go's kfake (Go), and measures all
of it on this machine, on the loopback and on the same disk. Nothing here is edited by hand;
[Benchmarks](benchmarks.md) has what Ottla is measured by alone.

![What Ottla takes of what Kafka takes](benchmarks-compare.svg)
"""

METHOD = """## How it was measured

{size}

The brokers take turns (A B, then B A) and each figure is the median of {rounds} rounds.
**CPU** is the processor time of the broker's process, user and system, of `/proc/PID/stat` with
its children; the clients are not counted. It is what to compare: the clients share the cores
with the broker, so that rates, starts and latencies depend on what else runs. The load average was
{before:.1f} at the beginning and {after:.1f} at the end, on {cores} cores.

- Kafka: one node of KRaft, a heap of 1 GB and the flags of its own script, its defaults otherwise
  except for what one node cannot do (replication factors of 1) and
  `group.initial.rebalance.delay.ms=0`, which is Ottla's. Before its first turn it is warmed up, as
  the others are: two loads of large and of small batches, two reads, a load of steady pace.
- A page of the page cache that the guest has not touched before costs a fault of the host. Before
  each turn `dd` writes {mib} MiB of zeros and its file is removed, so that the turn finds pages that
  have been touched. It took {dd} CPU seconds a GiB (at least {dd_min}, at most {dd_max}): where that
  is far above 0.3, the system time of produce loads is the machine's more than a broker's.
- The floor is that of the bench `load`: a bare process that sends the same bytes.
- kfake is in memory, and measured where its answers need no disk.
- MB are 10^6 bytes, GiB 2^30.
"""


def page(kept):
    """The page, of what a run has kept."""
    results, sizes = kept["results"], kept["sizes"]
    low, high = kept["dd"]["spread"]
    method = METHOD.format(
        size=kept["note"],
        rounds=kept["rounds"],
        before=kept["load"][0],
        after=kept["load"][1],
        cores=kept["cores"],
        mib=kept["dd"]["mib"],
        dd=number(kept["dd"]["median"]),
        dd_min=number(low),
        dd_max=number(high),
    )
    machine = "\n".join(f"- {what}: {value}" for what, value in kept["machine"])
    floor = results.get("floor", {}).get("fetch")
    beside = ""
    if floor:
        ours, least, ratio_ = (number(floor[key]) for key in ("cpu", "floor", "ratio"))
        beside = (
            "\n\nBeside the floor (`load -- fetch/64k/1k/c1`): "
            f"{ours} s/GiB, the floor {least} s/GiB, {ratio_} x."
        )
    parts = [
        HEAD.format(**kept["versions"]),
        "## Goals\n",
        "`met` and `missed` follow from the figures.\n",
        verdicts(results, kept["short"]),
        "\n## Loads\n",
        loads(results) + beside,
        "\n## Latency at 1,000 records a second\n",
        latencies(results),
        "\n## Starts, memory, groups, transactions\n",
        singles(results, sizes),
        "",
        method,
        "## The machine\n",
        machine,
    ]
    if kept["faults"]:
        parts += ["\n## Left out\n", "\n".join(f"- {fault}" for fault in kept["faults"])]
    return "\n".join([*parts, ""])


def drawing(kept):
    """The chart, of what a run has kept."""
    date = dict(kept["machine"])["date"]
    subtitle = f"Kafka {kept['versions']['kafka']}; {date}; median of {kept['rounds']} rounds"
    return chart.svg(kept["results"], subtitle)


def write(kept):
    """The page and the chart."""
    PAGE.write_text(page(kept))
    CHART.write_text(drawing(kept))
