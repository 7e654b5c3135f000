"""The runner's own rules, with a suite and a broker that are made up."""

import pathlib
import tempfile
import unittest
from unittest import mock

from . import expected, runner
from .case import Case, Result, Suite
from .place import Failed


class MadeUp(Suite):
    """Its tests end as `endings` says, try by try; the last ending goes on for ever."""

    name = "made-up"

    def __init__(self, endings):
        self.endings = endings
        self.tries = {test: 0 for test in endings}

    def run(self, place, case, tests, broker, work):
        results = {}
        for test in tests:
            endings = self.endings[test]
            ending = endings[min(self.tries[test], len(endings) - 1)]
            self.tries[test] += 1
            if ending is Failed:
                raise Failed("could not\nbegin")
            if ending is not None:
                results[test] = Result(ending, "" if ending else "it said no")
        return results


class Rules(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(expected, "HERE", self.dir))
        self.enterContext(mock.patch.object(runner, "say"))
        self.enterContext(mock.patch.object(runner.Runner, "_broker"))
        (self.dir / "expected").mkdir()

    def run_all(self, endings, known="", times=1):
        (self.dir / "expected" / "made-up.txt").write_text(known)
        suite = MadeUp(endings)
        one = runner.Runner(mock.Mock(work=self.dir / "work"), suite, "ottla", {}, 1, times)
        outcomes = one.run([Case("case", list(endings))])
        hows = {test: outcome.how for test, outcome in outcomes.items()}
        return hows, runner.faults(suite, "ottla", outcomes), suite.tries

    def test_what_fails_is_tried_once_more(self):
        endings = {"good": [True], "shaky": [False, True], "bad": [False], "silent": [None]}
        hows, faults, tries = self.run_all(endings)
        self.assertEqual(
            hows,
            {
                "good": runner.FIRST,
                "shaky": runner.RETRY,
                "bad": runner.FAILED,
                "silent": runner.FAILED,
            },
        )
        self.assertEqual(tries, {"good": 1, "shaky": 2, "bad": 2, "silent": 2})
        self.assertEqual(
            faults,
            ["made-up: bad failed: it said no", "made-up: silent failed: did not report"],
        )

    def test_a_case_that_cannot_begin_has_failed_and_is_tried_once_more(self):
        hows, _, tries = self.run_all({"shaky": [Failed, True]})
        self.assertEqual((hows, tries), ({"shaky": runner.RETRY}, {"shaky": 2}))
        _, faults, _ = self.run_all({"bad": [Failed]})
        self.assertEqual(faults, ["made-up: bad failed: could not begin"])

    def test_a_known_failure_is_no_fault_and_is_not_tried_again(self):
        hows, faults, tries = self.run_all({"bad": [False]}, "# people\n\nbad  # its reason\n")
        self.assertEqual((hows, faults, tries), ({"bad": runner.FAILED}, [], {"bad": 1}))

    def test_a_known_failure_that_passes_is_a_fault(self):
        _, faults, _ = self.run_all({"good": [True]}, "good  # its reason\n")
        self.assertEqual(faults, ["made-up: good passed: take it out of expected/made-up.txt"])

    def test_so_often_in_a_row_must_a_test_pass(self):
        hows, faults, tries = self.run_all({"good": [True], "later": [True, False]}, times=3)
        self.assertEqual(hows, {"good": runner.FIRST, "later": runner.FAILED})
        self.assertEqual(tries, {"good": 3, "later": 3})
        self.assertEqual(faults, ["made-up: later failed: it said no"])

    def test_a_known_failure_needs_its_reason(self):
        for line in ("bad\n", "bad  #\n", "bad # one space\n", "bad  # a\nbad  # b\n"):
            with self.assertRaises(Failed):
                self.run_all({"bad": [False]}, line)


if __name__ == "__main__":
    unittest.main()
