"""What the suites said last: `results/SUITE.BROKER.json`, committed, a line for each test. The page
docs/compatibility-suites.md is written from it."""

import json
import time

from .place import HERE, KAFKA, ROOT

NOTHING = {"version": "", "kafka": "", "date": "", "tests": {}}


def path(suite, broker):
    return HERE / "results" / f"{suite}.{broker}.json"


def read(suite, broker):
    """`tests` of it are test -> how it ended, why, and how often in a row it had to pass."""
    try:
        return json.loads(path(suite, broker).read_text())
    except FileNotFoundError:
        return NOTHING


def keep(suite, broker, outcomes, times, names):
    """Keep these outcomes, and of earlier ones of this version (beside this Kafka) what is not new;
    `names` are all tests that the suite has now."""
    earlier = read(suite.name, broker)
    of_now = {"version": suite.version, "kafka": KAFKA}
    is_of_now = all(earlier[name] == version for name, version in of_now.items())
    tests = dict(earlier["tests"]) if is_of_now else {}
    for test, outcome in outcomes.items():
        # A cause may name a file of this machine.
        cause = outcome.cause.replace(f"{ROOT}/", "")
        tests[test] = {"how": outcome.how, "times": times} | ({"cause": cause} if cause else {})
    lines = [f"{json.dumps(test)}: {json.dumps(tests[test])}" for test in names if test in tests]
    date = time.strftime("%Y-%m-%d", time.gmtime())
    head = f'{json.dumps({**of_now, "date": date})[:-1]}, "tests": {{'
    file = path(suite.name, broker)
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join([head, ",\n".join(lines), "}}\n"]))
