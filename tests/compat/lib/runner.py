"""Runs a suite: its cases side by side, each on a broker of its own, what fails once more."""

import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from . import expected
from .brokers import KINDS
from .case import Result
from .place import Failed, say

FIRST, RETRY, FAILED = "passed", "passed on retry", "failed"


@dataclass
class Outcome:
    """How a test ended after all its tries."""

    how: str
    cause: str = ""


class Runner:
    """One suite on one kind of broker."""

    def __init__(self, place, suite, kind, settings, jobs, times):
        self.place = place
        self.suite = suite
        self.kind = kind
        self.settings = settings
        self.jobs = suite.jobs or jobs
        self.times = times
        self.expected = expected.read(suite.name, kind)
        self.shared = {}
        self.starting = threading.Lock()
        self.work = place.work / kind / suite.name

    def cases(self, smoke, only):
        """The cases to be run: all, the smoke selection, or those named."""
        cases = self.suite.cases(self.place, self.kind)
        if smoke:
            cases = [case for case in cases if case.name in self.suite.smoke]
            if gone := set(self.suite.smoke) - {case.name for case in cases}:
                raise Failed(f"{self.suite.name} has no case {', '.join(sorted(gone))}")
        if only:
            cases = [case for case in cases if _named(case, only)]
        return cases

    def run(self, cases):
        """Gives test -> Outcome."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        try:
            with ThreadPoolExecutor(self.jobs) as pool:
                done = list(pool.map(self._case, [case for case in cases if not case.alone]))
            done += [self._case(case) for case in cases if case.alone]
        finally:
            for broker in self.shared.values():
                broker.stop()
        return {test: outcome for outcomes in done for test, outcome in outcomes.items()}

    def _case(self, case):
        """All tries of one case: what failed and should not have is tried once more. With
        `times`, what passed must pass so often in a row."""
        outcomes = {}
        tests, how = list(case.tests), FIRST
        for number in range(1, self.times + 1):
            results = self._try(case, tests, f"{number}")
            bad = [test for test in tests if not results[test].passed]
            again = [test for test in bad if test not in self.expected]
            for test in tests:
                outcomes[test] = Outcome(how if results[test].passed else FAILED)
            for test in bad:
                outcomes[test].cause = results[test].cause
            if again:
                retried = self._try(case, again, f"{number}-again", again=True)
                for test in again:
                    if retried[test].passed:
                        outcomes[test].how = RETRY
                    else:
                        outcomes[test].cause = retried[test].cause
            tests = [test for test in tests if outcomes[test].how == FIRST]
            if not tests:
                break
        for test, outcome in outcomes.items():
            say(f"   {self.suite.name} {test}: {outcome.how}" + _because(outcome.cause))
        return outcomes

    def _try(self, case, tests, number, again=False):
        work = self.work / re.sub(r"[^\w.-]+", "_", case.name) / number
        work.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        try:
            results = self._run(case, tests, work, again)
        except Failed as failed:
            results = dict.fromkeys(tests, Result(False, " ".join(str(failed).split())))
        (work / "seconds").write_text(f"{time.monotonic() - begun:.1f}\n")
        missing = Result(False, "did not report")
        return {test: results.get(test, missing) for test in tests}

    def _run(self, case, tests, work, again):
        broker = self._broker(case, work, again)
        try:
            results = self.suite.run(self.place, case, tests, broker, work)
            if not broker.alive():
                results |= dict.fromkeys(tests, Result(False, "the broker has ended"))
            return results
        finally:
            if self._is_fresh(again):
                broker.stop()

    def _is_fresh(self, again):
        return self.kind == "ottla" or again

    def _broker(self, case, work, again):
        """Ottla starts in milliseconds: a fresh one for each case. Kafka serves all cases of a
        suite that want the same settings; what is tried again gets a fresh one."""
        make = KINDS[self.kind]
        settings = {**case.settings, **self.settings}
        if self._is_fresh(again):
            return make(self.place, settings, case.listen, work / "broker")
        key = (case.listen, *sorted(settings.items()))
        with self.starting:
            if key not in self.shared:
                log = self.work / f"broker-{len(self.shared)}"
                self.shared[key] = make(self.place, settings, case.listen, log)
            return self.shared[key]


def _named(case, only):
    return case.name in only or any(test in only for test in case.tests)


def _because(cause):
    return f" ({cause})" if cause else ""


def faults(suite, kind, outcomes):
    """What makes a run fail: a test outside the list that failed, one inside that passed."""
    known = expected.read(suite.name, kind)
    found = []
    for test, outcome in outcomes.items():
        if outcome.how == FAILED and test not in known:
            found.append(f"{suite.name}: {test} failed: {outcome.cause}")
        if outcome.how != FAILED and test in known:
            file = expected.path(suite.name, kind).name
            found.append(f"{suite.name}: {test} passed: take it out of expected/{file}")
    return found
