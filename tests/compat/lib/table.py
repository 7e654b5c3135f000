"""What a run says at its end, and the page docs/compatibility-suites.md."""

import json
import time

from . import expected
from .place import ROOT
from .runner import FAILED, FIRST, RETRY

PAGE = ROOT / "docs" / "compatibility-suites.md"

# The page's words; the tables are put between.
INTRODUCTION = """# Judged by others

The test suites that other people wrote for their clients, run on Ottla and, in the same way, on
Apache Kafka 4.1.0 as one node. Written by `tests/compat/run --write`; how to run it is in
[tests/compat/README.md](../tests/compat/README.md). A test that fails is tried once more. Only
what one plaintext node without ACLs can be asked is applicable; what is left out is named below.
"""


def count(outcomes, how):
    return sum(outcome["how"] == how for outcome in outcomes.values())


def plain(outcomes):
    return {test: {"how": o.how, "cause": o.cause} for test, o in outcomes.items()}


def line(suite, outcomes):
    """One suite in one line."""
    done = plain(outcomes)
    first, retry, failed = (count(done, how) for how in (FIRST, RETRY, FAILED))
    return (
        f"{suite.name} {suite.version}: {len(done)} run, {first} passed, "
        f"{retry} passed on retry, {failed} failed"
    )


def keep(place, suite, broker, outcomes, names):
    """Keep the results for the page, and of earlier ones what is not new; `names` are all tests
    that the suite has now."""
    file = _file(place, suite, broker)
    file.parent.mkdir(exist_ok=True)
    tests = {**_kept(place, suite, broker)["tests"], **plain(outcomes)}
    tests = {test: tests[test] for test in names if test in tests}
    date = time.strftime("%Y-%m-%d", time.gmtime())
    kept = {"version": suite.version, "date": date, "tests": tests}
    file.write_text(json.dumps(kept, indent=1) + "\n")


def _file(place, suite, broker):
    return place.made / "results" / f"{suite.name}-{broker}.json"


def _kept(place, suite, broker):
    try:
        return json.loads(_file(place, suite, broker).read_text())
    except FileNotFoundError:
        return {"version": suite.version, "date": "", "tests": {}}


def write(place, suites):
    """Write the page from the results that are kept."""
    head = ["Suite", "Version", "Applicable"]
    for broker in ("Ottla", "Kafka"):
        head += [f"{broker}: first try", "on retry", "failed", "date"]
    rows = [head, ["--"] * len(head)]
    parts = []
    for suite in suites:
        results = {broker: _kept(place, suite, broker) for broker in ("ottla", "kafka")}
        names = set().union(*(kept["tests"] for kept in results.values()))
        row = [f"{suite.name} ({suite.about})", suite.version, str(len(names))]
        for kept in results.values():
            numbers = [str(count(kept["tests"], how)) for how in (FIRST, RETRY, FAILED)]
            row += [*numbers, kept["date"]] if kept["tests"] else ["not run", "", "", ""]
        rows.append(row)
        parts.append(_part(suite, results))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    PAGE.write_text("\n".join([INTRODUCTION, table, "", *parts]).rstrip() + "\n")


def _part(suite, results):
    """What failed in one suite, and what was not asked."""
    lines = [f"## {suite.name}", ""]
    for broker, title in (("ottla", "Ottla"), ("kafka", "Apache Kafka")):
        reasons = expected.read(suite.name, broker)
        tests = results[broker]["tests"]
        failed = {test: o["cause"] for test, o in tests.items() if o["how"] == FAILED}
        retried = sorted(test for test, o in tests.items() if o["how"] == RETRY)
        if failed:
            lines += [f"Failed on {title}:", ""]
            lines += [f"- `{test}`: {reasons.get(test, cause)}" for test, cause in sorted(failed.items())]
            lines.append("")
        if retried:
            lines += [f"Passed on retry on {title}: {', '.join(f'`{test}`' for test in retried)}.", ""]
    if suite.left_out:
        lines += ["Not applicable:", ""]
        lines += [f"- `{test}`: {why}" for test, why in sorted(suite.left_out.items())]
        lines.append("")
    return "\n".join(lines)
