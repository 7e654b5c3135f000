"""Takes the turns: each round of a case visits the brokers one after the other."""

import pathlib
import shutil
import tempfile

from lib import place as p

from . import cases, output
from .brokers import Kafka, Kfake, Ottla
from .drive import Drive, dd
from .goals import CONNECTIONS
from .statistics import median, medians

KINDS = {"ottla": Ottla, "kafka": Kafka, "kfake": Kfake}


class Runner:
    """One run with its sizes. Results: case -> broker -> figure -> median."""

    def __init__(self, tools, rounds, short):
        self.tools, self.rounds, self.short = tools, rounds, short
        self.mib = 256 if short else 1024
        self.seconds = 3 if short else 10
        self.starts = 2 if short else 10
        self.members = 50 if short else 300
        self.partitions = 1000 if short else 10_000
        self.segments_mib = 1024 if short else 5 * 1024
        self.connections = CONNECTIONS
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=tools.made))
        self.drive = Drive(tools, self.work)
        self.running = {}
        self.results = {}
        self.dd = []
        self.faults = []

    def fresh(self, kind):
        return KINDS[kind](self.tools, self.work)

    def run(self, wanted):
        """All cases that are wanted; one that fails is left out of the results and named."""
        for name in cases.ALL:
            if name not in wanted:
                continue
            p.say(f"== {name}")
            try:
                self._case(name)
            except (p.Failed, OSError, ValueError) as failed:
                self.faults.append(f"{name}: {in_a_line(failed)}")
                p.say(f"   left out: {failed}")
                self._replace_the_dead()

    def _case(self, name):
        if name in cases.ON_RUNNING:
            turn, brokers = cases.ON_RUNNING[name]
            brokers = [kind for kind in brokers if kind != "kfake" or self.tools.kfake]
            self._turns(name, brokers, lambda kind: turn(self, self._warmed(kind)))
        elif name in cases.ON_FRESH:
            self.stop()
            turn = cases.ON_FRESH[name]
            self._turns(name, ["ottla", "kafka"], lambda kind: turn(self, kind))
        elif name == "floor":
            self.stop()
            self.results[name] = {"fetch": self._floor("fetch/64k/1k/c1")}
        else:
            self.results[name] = self._transactions()

    def _turns(self, name, brokers, turn):
        rounds = {kind: [] for kind in brokers}
        for number in range(self.rounds):
            # A B, then B A: none is always the first.
            for kind in brokers if number % 2 == 0 else reversed(brokers):
                # The pages of its file are free after it, and the guest has touched them.
                self.dd.append(dd(self.work, self.mib))
                figures = turn(kind)
                rounds[kind].append(figures)
                shown = {key: _shown(value) for key, value in figures.items()}
                p.say(f"   {number + 1} {kind}: {shown}")
        self.results[name] = {kind: medians(turns) for kind, turns in rounds.items()}

    def _warmed(self, kind):
        if kind not in self.running:
            broker = self.fresh(kind)
            self.running[kind] = broker
            broker.start()
            cases.warm(self, broker)
        return self.running[kind]

    def _floor(self, case):
        """The bench `load` starts its own brokers and floors in turn."""
        words = ["--repeat", str(self.rounds), "--mib", str(self.mib * 2), case]
        env = {"OTTLA_BENCH_BROKER": str(self.tools.ottla), "TMPDIR": str(self.work)}
        said = self.drive.run([self.tools.benches["load"], *words], env)
        p.say(f"   {output.load(said)}")
        found = [figures for name, figures in output.load(said).items() if name == case]
        if not found:
            raise p.Failed(f"the bench of load has no {case}")
        return found[0]

    def _transactions(self):
        kafka = self._warmed("kafka")
        words = ["producers", "--seconds", str(self.seconds)]
        words += ["--peer", kafka.address, str(kafka.pid)]
        env = {"OTTLA_BENCH_BROKER": str(self.tools.ottla), "TMPDIR": str(self.work)}
        said = self.drive.run([self.tools.benches["transactions"], *words], env)
        rounds = output.transactions(said)
        return {"ottla": medians(rounds["ottla"]), "kafka": medians(rounds["peer"])}

    def _replace_the_dead(self):
        for kind in [kind for kind, one in self.running.items() if one.child.poll() is not None]:
            self.running.pop(kind).remove()

    def stop(self):
        """Stop the brokers that run all the time: the next case starts its own."""
        for broker in self.running.values():
            broker.remove()
        self.running = {}

    def close(self, keep=False):
        self.stop()
        if not keep:
            shutil.rmtree(self.work, ignore_errors=True)

    def dd_median(self):
        return median(self.dd)


def in_a_line(failed):
    """What went wrong, for the page: without what is only true of this machine."""
    return str(failed).replace(str(p.ROOT), "").split("\n")[0][:200]


def _shown(value):
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return round(value, 3) if isinstance(value, float) else value
