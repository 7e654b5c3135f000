"""The page and the chart; what is committed must be what the kept results give."""

import json
import unittest
import xml.dom.minidom
from lib.place import ROOT

from . import cases, chart, page

KEPT = ROOT / "benches" / "compare" / "results.json"

RESULTS = {
    "produce/raw": {
        "ottla": {"rate": 2000.0, "cpu": 0.5, "user": 0.1, "system": 0.4},
        "kafka": {"rate": 500.0, "cpu": 4.0, "user": 3.0, "system": 1.0},
        "kfake": {"rate": 400.0, "cpu": 2.0, "user": 1.5, "system": 0.5},
    },
    "start/empty": {"ottla": {"metadata": 6.5}, "kafka": {"metadata": 4321.0}},
    "pace": {"ottla": {"ack": [100, 200, 1000], "consume": [200, 400, 2000]}},
}
SIZES = {"members": 50, "partitions": "1,000", "mib": "1,024", "connections": "10,000"}


class Page(unittest.TestCase):
    def test_numbers_have_three_digits_that_count(self):
        shown = [page.number(figure) for figure in (None, 0, 0.1234, 12.34, 43210.9)]
        self.assertEqual(shown, ["-", "0", "0.123", "12.3", "43,211"])

    def test_a_line_has_the_part_of_kafkas_cpu(self):
        lines = page.loads(RESULTS).splitlines()
        self.assertIn("| ottla | 2,000 MB/s | 0.5 s/GiB | 0.1 + 0.4 | 0.125 |", lines[2])
        self.assertTrue(lines[4].startswith("|  | kfake |"))

    def test_what_was_not_measured_has_no_line(self):
        self.assertEqual(len(page.singles(RESULTS, SIZES).splitlines()), 3)
        self.assertEqual(len(page.latencies(RESULTS).splitlines()), 4)

    def test_every_case_is_on_the_page(self):
        shown = {*page.LOADS, *(case for case, _ in page.SINGLE), "pace", "floor"}
        self.assertEqual(set(cases.ALL), shown)

    def test_the_committed_page_and_chart_are_those_of_the_kept_results(self):
        kept = json.loads(KEPT.read_text())
        self.assertEqual(page.PAGE.read_text(), page.page(kept))
        self.assertEqual(page.CHART.read_text(), page.drawing(kept))


class Chart(unittest.TestCase):
    def test_a_bar_is_as_long_as_its_part(self):
        self.assertEqual(
            list(chart.bars(RESULTS)),
            [
                ("produce, 64 KiB batches: CPU a GiB", 0.125),
                ("exec to Metadata, empty directory", 6.5 / 4321.0),
            ],
        )
        drawn = chart.svg(RESULTS, "a & b")
        self.assertIn(f'width="{chart.FULL / 8:.1f}"', drawn)

    def test_it_is_well_formed_whatever_the_subtitle(self):
        xml.dom.minidom.parseString(chart.svg(RESULTS, "a & b < c"))
        xml.dom.minidom.parseString(chart.svg({}, ""))

    def test_small_parts_keep_a_digit(self):
        self.assertEqual([chart.percent(part) for part in (0.123, 0.004)], ["12 %", "0.4 %"])
