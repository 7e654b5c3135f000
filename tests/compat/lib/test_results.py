"""What is kept and what is said of it; the committed page and lists must be true."""

import importlib
import pathlib
import tempfile
import unittest
from unittest import mock

from suites import ALL

from . import expected, results, table
from .case import Suite
from .place import KAFKA
from .runner import FAILED, FIRST, RETRY, Outcome

SUITES = [importlib.import_module(f"suites.{name}").SUITE for name in ALL]


class MadeUp(Suite):
    name = "made-up"
    version = "1.0"
    about = "of this test"
    left_out = {"tls": "TLS"}


class Kept(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(results, "HERE", self.dir))
        self.enterContext(mock.patch.object(expected, "HERE", self.dir))
        self.suite = MadeUp()

    def keep(self, outcomes, times=1, broker="ottla", names=("a", "b", "c")):
        results.keep(self.suite, broker, outcomes, times, names)
        return results.read("made-up", broker)["tests"]

    def test_what_is_new_replaces_what_was_kept(self):
        self.keep({"a": Outcome(FIRST), "b": Outcome(FAILED, "it said no")})
        kept = self.keep({"b": Outcome(RETRY), "c": Outcome(FIRST)}, times=2)
        self.assertEqual(
            kept,
            {
                "a": {"how": FIRST, "times": 1},
                "b": {"how": RETRY, "times": 2},
                "c": {"how": FIRST, "times": 2},
            },
        )

    def test_a_test_that_the_suite_has_no_more_goes(self):
        self.keep({"a": Outcome(FIRST), "b": Outcome(FIRST)})
        self.assertEqual(list(self.keep({}, names=("b",))), ["b"])

    def test_what_another_version_said_goes(self):
        self.keep({"a": Outcome(FIRST)})
        self.suite.version = "2.0"
        self.assertEqual(list(self.keep({"b": Outcome(FIRST)})), ["b"])

    def test_what_was_said_beside_another_kafka_goes(self):
        with mock.patch.object(results, "KAFKA", "4.1.0"):
            self.keep({"a": Outcome(FIRST)})
        self.assertEqual(list(self.keep({"b": Outcome(FIRST)})), ["b"])

    def test_a_cause_names_no_place_on_this_machine(self):
        kept = self.keep({"a": Outcome(FAILED, f"{results.ROOT}/target/x said no")})
        self.assertEqual(kept["a"]["cause"], "target/x said no")

    def test_the_page_tells_both_brokers(self):
        self.keep({"a": Outcome(FIRST), "b": Outcome(FAILED, "it said no")}, times=2)
        self.keep({"a": Outcome(RETRY), "b": Outcome(FIRST)}, broker="kafka")
        page = table.page([self.suite])
        date = results.read("made-up", "ottla")["date"]
        when = f"{KAFKA} | {date}"
        row = f"| made-up (of this test) | 1.0 | 2 | 1 | 0 | 1 | 2 | {when} | 1 | 1 | 0 | 1 | {when} |"
        self.assertIn(row, page)
        self.assertIn("passes 2 of these tests, Ottla 1; 1 pass on Apache Kafka and not on", page)
        self.assertIn("- `b`: it said no\n", page)
        self.assertIn("Passed on retry on Apache Kafka: `a`.\n", page)
        self.assertIn("- `tls`: TLS\n", page)


class Committed(unittest.TestCase):
    def test_the_page_is_what_the_results_say(self):
        self.assertEqual(
            table.PAGE.read_text(), table.page(SUITES), "stale: run tests/compat/run --page"
        )

    def test_the_results_are_of_the_pinned_versions_and_of_the_expected_failures(self):
        for suite in SUITES:
            for broker in ("ottla", "kafka"):
                kept = results.read(suite.name, broker)
                self.assertEqual(kept["version"], suite.version, suite.name)
            tests = results.read(suite.name, "ottla")["tests"]
            failed = {test for test, said in tests.items() if said["how"] == FAILED}
            self.assertEqual(failed, set(expected.read(suite.name, "ottla")), suite.name)

    def test_what_apache_kafka_passes_and_ottla_does_not_is_about_transactions(self):
        for suite in SUITES:
            kafka = results.read(suite.name, "kafka")["tests"]
            for test, reason in expected.read(suite.name, "ottla").items():
                if kafka[test]["how"] != FAILED:
                    self.assertIn("transactions", reason, f"{suite.name}: {test}")


if __name__ == "__main__":
    unittest.main()
