"""The arithmetic, what is read from the tools, and what is made of it."""

import unittest

from lib.place import ROOT, Failed

from . import brokers, goals, output, runner, statistics


class Statistics(unittest.TestCase):
    def test_a_median_is_the_one_in_the_middle(self):
        self.assertEqual(statistics.median([3, 1, 2]), 2)
        self.assertEqual(statistics.median([4, 1, None, 3]), 3)
        self.assertIsNone(statistics.median([]))

    def test_medians_go_by_key_and_element_by_element(self):
        rounds = [{"a": 1, "p": [1, 10]}, {"a": 5, "p": [3, 30]}, {"a": 2, "p": [2, 20]}]
        self.assertEqual(statistics.medians(rounds), {"a": 2, "p": [2, 20]})

    def test_there_is_no_ratio_to_nothing(self):
        self.assertEqual(statistics.ratio(1, 4), 0.25)
        self.assertIsNone(statistics.ratio(1, 0))
        self.assertIsNone(statistics.ratio(None, 4))

    def test_seconds_are_by_gib(self):
        self.assertEqual(statistics.per_gib(1, 2**29), 2)


class Output(unittest.TestCase):
    def test_the_last_report_of_rdkafka_performance_counts(self):
        said = (
            "% 100 messages (100000 bytes) consumed in 10ms: 1 msgs/s and 2 MB/s (no compression)\n"
            "% 250 messages (250000 bytes) consumed in 50ms: 5 msgs/s and 5 MB/s (no compression)\n"
        )
        read = output.rdkafka(said)
        self.assertEqual(read, {"messages": 250, "bytes": 250_000, "seconds": 0.05})

    def test_a_tool_that_says_nothing_has_failed(self):
        for read in (output.rdkafka, output.producer, output.consumer, output.transactions):
            with self.assertRaises(Failed):
                read("Connection refused")

    def test_the_last_line_of_the_producer_counts_and_its_megabytes_are_mib(self):
        said = (
            "10 records sent, 2.0 records/sec (0.00 MB/sec), 1.0 ms avg latency, 2.0 ms max latency.\n"
            "512 records sent, 99.9 records/sec (100.00 MB/sec), 1.0 ms avg latency, 2 ms 50th.\n"
        )
        self.assertEqual(output.producer(said), {"records": 512, "mb": 104.8576})

    def test_the_line_with_the_figures_of_the_consumer_is_found(self):
        said = (
            "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
            "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n"
            "2026-12-01 05:00:00:000, 2026-12-01 05:00:02:000, 256.00, 128.0, 262144, 131072.0, "
            "500, 1500, 170.6, 174762.6\n"
        )
        read = output.consumer(said)
        self.assertEqual(read, {"mib": 256.0, "records": 262144, "seconds": 1.5})

    def test_transactions_are_read_by_broker(self):
        line = "{}: {} transactions a second, {} for a second of its processor, p50 1.00 ms\n"
        said = line.format("ottla", 10, 100) + line.format("peer", 2, 20)
        read = output.transactions(said)
        self.assertEqual(read["ottla"], [{"rate": 10, "per_cpu": 100}])
        self.assertEqual(read["peer"], [{"rate": 2, "per_cpu": 20}])

    def test_the_floor_is_read_from_the_table_of_the_load_bench(self):
        said = (
            "case     MB/s  req/s p50 p99 p999 cpu s/GiB floor s/GiB ratio rss MiB\n"
            "fetch/64k/1k/c1   1367  1311  544  4472  6932 0.44 (0.02+0.42) 0.32 (0.00+0.32)  1.37"
            "   5.9\n"
            "produce/64k/1k/acks-1/fsync/c10 442 6793 6 18 22 2.32 (0.20+2.12)  -  - 7.9\n"
        )
        wanted = {"fetch/64k/1k/c1": {"cpu": 0.44, "floor": 0.32, "ratio": 1.37}}
        self.assertEqual(output.load(said), wanted)

    def test_a_process_may_be_called_anything(self):
        line = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 5 5 20 0 9 0 1 1 1"
        self.assertEqual(output.stat(line), (2.55, 0.55))

    def test_a_figure_of_the_status_is_found_by_its_whole_name(self):
        text = "Name:\tottla\nVmHWM:\t    9000 kB\nVmRSS:\t    8000 kB\n"
        self.assertEqual(output.status(text, "VmRSS"), 8000)

    def test_a_socket_that_listens_is_found_by_its_port(self):
        table = (
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
            "   0: 0100007F:2384 00000000:0000 0A 0:0 00:0 0 0 0 4711 1 0 100 0 0 10 0\n"
            "   1: 0100007F:2384 0100007F:9999 01 0:0 00:0 0 0 0 4712 1 0 100 0 0 10 0\n"
        )
        self.assertEqual(output.listening(table, 9092), {"4711"})
        self.assertEqual(output.listening(table, 9093), set())


class Goals(unittest.TestCase):
    def verdict(self, goal, results):
        return next(row for row in goals.rows(results) if row[0] == goal)[3]

    def both(self, case, key, ours, theirs):
        return {case: {"ottla": {key: ours}, "kafka": {key: theirs}}}

    def test_at_most_is_met_by_the_limit_itself(self):
        name = "fetch through librdkafka"
        case = ("fetch/librdkafka", "cpu")
        self.assertEqual(self.verdict(name, self.both(*case, 0.45, 1.0)), "met")
        self.assertEqual(self.verdict(name, self.both(*case, 0.46, 1.0)), "missed")

    def test_at_least_is_missed_by_less(self):
        name = "100 connections x 1 in flight"
        case = ("requests/1", "rate")
        self.assertEqual(self.verdict(name, self.both(*case, 250, 100)), "met")
        self.assertEqual(self.verdict(name, self.both(*case, 249, 100)), "missed")

    def test_what_was_not_measured_is_not_met(self):
        self.assertTrue(all(row[3] == "not measured" for row in goals.rows({})))
        half = {"requests/1": {"ottla": {"rate": 1}}}
        self.assertEqual(self.verdict("100 connections x 1 in flight", half), "not measured")

    def test_connections_that_were_not_let_in_leave_nothing(self):
        goal = "left by 10,000 connections"
        for opened, verdict in ((10_000, "met"), (5000, "not measured")):
            results = {"memory": {"ottla": {"opened": opened, "connections": 1.0}}}
            self.assertEqual(self.verdict(goal, results), verdict)

    def test_a_short_run_says_that_a_start_had_less_to_do(self):
        results = {"start/segments": {"ottla": {"metadata": 10.0}}}
        verdicts = {row[0]: row[3] for row in goals.rows(results, short=True)}
        wanted = "met, at a smaller size"
        self.assertEqual(verdicts["after kill -9, 5 GiB in 10 active segments"], wanted)
        self.assertEqual(verdicts["idle RSS"], "not measured")

    def test_a_fault_is_one_line_without_a_place_on_this_machine(self):
        failed = Failed(f"{ROOT}/x ended\n{'a' * 300}")
        self.assertEqual(runner.in_a_line(failed), "/x ended")


class Protocol(unittest.TestCase):
    def answer(self, codes):
        parts = b"".join(
            n.to_bytes(4, "big") + code.to_bytes(2, "big") + bytes(16)
            for n, code in enumerate(codes)
        )
        head = (1).to_bytes(4, "big") + (4).to_bytes(2, "big") + b"load"
        return head + len(codes).to_bytes(4, "big") + parts

    def test_offsets_are_answered_when_no_partition_has_an_error(self):
        self.assertTrue(brokers.offsets_answered(self.answer([0, 0]), 2))
        self.assertFalse(brokers.offsets_answered(self.answer([0, 3]), 2))
        self.assertFalse(brokers.offsets_answered(self.answer([0]), 2))

    def test_a_frame_says_how_long_it_is(self):
        frame = brokers.list_offsets("load", range(3))
        self.assertEqual(int.from_bytes(frame[:4], "big"), len(frame) - 4)
