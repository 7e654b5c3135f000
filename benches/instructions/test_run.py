"""The rules of `benches/instructions/run`, with counts that are made up."""

import importlib.machinery
import importlib.util
import pathlib
import tomllib
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LOADER = importlib.machinery.SourceFileLoader("run", str(HERE / "run"))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", LOADER))
LOADER.exec_module(run)


class Rules(unittest.TestCase):
    def test_a_path_may_grow_by_three_per_cent_and_shrink_by_any(self):
        lines, faults = run.compare({"a": 1000, "b": 1000}, {"a": 1030, "b": 10})
        self.assertEqual((len(lines), faults), (2, []))

    def test_a_path_that_has_grown_by_more_is_named_with_before_and_after(self):
        _, faults = run.compare({"a": 1000}, {"a": 1031})
        self.assertEqual(faults, ["a: 1000 before, 1031 now (+3.1%)"])

    def test_a_path_that_is_new_or_gone_is_a_fault(self):
        _, faults = run.compare({"gone": 1}, {"new": 1})
        self.assertEqual(len(faults), 2)

    def test_another_toolchain_is_named(self):
        self.assertEqual(run.differences({"rustc": "1"}, {"rustc": "1"}), [])
        self.assertEqual(
            run.differences({"rustc": "1"}, {"rustc": "2"}), ["rustc: 1 when recorded, 2 here"]
        )

    def test_what_is_kept_can_be_read_again(self):
        here, counts = {"rustc": "rustc 1 (abc)"}, {"append 1 KiB": 123}
        read = tomllib.loads(run.text(here, counts))
        self.assertEqual(read, {"environment": here, "instructions": counts})

    def test_the_count_of_callgrind_is_found(self):
        report = "==7== Events    : Ir\n==7== Collected : 4711\n==7== I refs: 4,711\n"
        self.assertEqual(run.collected(report), 4711)

    def test_the_committed_file_has_counts_and_says_of_what(self):
        kept = tomllib.loads(run.EXPECTED.read_text())
        named = {"rustc", "machine", "libc", "valgrind", "features"}
        self.assertEqual(set(kept["environment"]), named)
        self.assertTrue(all(number > 0 for number in kept["instructions"].values()))
