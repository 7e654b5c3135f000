"""What a run says at its end, and the page docs/compatibility-suites.md."""

from . import expected, results
from .place import ROOT
from .runner import FAILED, FIRST, RETRY

PAGE = ROOT / "docs" / "compatibility-suites.md"

# The page's words; the tables are put between.
INTRODUCTION = """# Judged by others

The test suites that other people wrote for their clients, run on Ottla and, in the same way, on
Apache Kafka 4.1.0 as one node. Written by `tests/compat/run --write`; how to run it is in
[tests/compat/README.md](../tests/compat/README.md). A test that fails is tried once more; what
passed did so as often in a row as the column says. Only what one plaintext node without ACLs can be
asked is applicable; what is left out is named below.
"""


def line(suite, outcomes):
    """One suite in one line."""
    hows = [outcome.how for outcome in outcomes.values()]
    return (
        f"{suite.name} {suite.version}: {len(hows)} run, {hows.count(FIRST)} passed, "
        f"{hows.count(RETRY)} passed on retry, {hows.count(FAILED)} failed"
    )


def page(suites):
    """The page, from the results that are kept."""
    head = ["Suite", "Version", "Applicable"]
    for broker in ("Ottla", "Kafka"):
        head += [f"{broker}: first try", "on retry", "failed", "in a row", "date"]
    rows = [head, ["--"] * len(head)]
    parts, passed = [], {"ottla": set(), "kafka": set()}
    for suite in suites:
        kept = {broker: results.read(suite.name, broker) for broker in ("ottla", "kafka")}
        names = set().union(*(said["tests"] for said in kept.values()))
        row = [f"{suite.name} ({suite.about})", suite.version, str(len(names))]
        for broker, said in kept.items():
            tests = said["tests"].items()
            passed[broker] |= {(suite.name, test) for test, how in tests if how["how"] != FAILED}
            hows = [test["how"] for test in said["tests"].values()]
            numbers = [str(hows.count(how)) for how in (FIRST, RETRY, FAILED)]
            often = min((test["times"] for test in said["tests"].values()), default=0)
            row += [*numbers, str(often), said["date"]] if often else ["not run", *[""] * 4]
        rows.append(row)
        parts.append(_part(suite, kept))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    short = (
        f"Apache Kafka passes {len(passed['kafka'])} of these tests, Ottla {len(passed['ottla'])}; "
        f"{len(passed['kafka'] - passed['ottla'])} pass on Apache Kafka and not on Ottla.\n"
    )
    return "\n".join([INTRODUCTION, table, "", short, *parts]).rstrip() + "\n"


def _part(suite, kept):
    """What failed in one suite, and what was not asked."""
    lines = [f"## {suite.name}", ""]
    if suite.remarks:
        lines += [*(f"- {remark}" for remark in suite.remarks), ""]
    for broker, title in (("ottla", "Ottla"), ("kafka", "Apache Kafka")):
        reasons = expected.read(suite.name, broker)
        tests = kept[broker]["tests"]
        failed = {test: o.get("cause") for test, o in tests.items() if o["how"] == FAILED}
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
