"""The integration tests of franz-go's package kgo, from the Go module proxy.

They skip what the broker's versions do not offer, so only the names that passed count. The two
long chains of groups run in processes of their own.
"""

import re
import shutil

from lib import place as p
from lib.case import Case, Result, Suite
from lib.gomod import go, module

MODULE = "github.com/twmb/franz-go"
VERSION = "v1.22.2"

# All tests of the package that speak to a broker.
TESTS = (
    "TestUnknownGroupOffsetFetchPinned",
    "TestPing",
    "TestIssue1034",
    "TestIssue325",
    "TestConsumeTopicRetrieval",
    "TestConsumeTopicRetrieval_Many",
    "TestConsumeRegex",
    "TestIssue337",
    "TestDirectPartitionPurge",
    "TestIssue434",
    "TestAddRemovePartitions",
    "TestPauseIssue489",
    "TestPauseIssueOct2023",
    "TestIssue523/roundrobin",
    "TestIssue523/sticky",
    "TestIssue648",
    "TestIssue810",
    "TestIssue865",
    "TestIssueFetchLargerThanBrokerMaxReadBytes",
    "TestPooling",
    "TestGroupSimple/classic",
    "TestHookPollStart",
    "TestConsumeMaxDecompressBatchBytes",
    "TestClient_Produce",
    "TestIssue769",
    "TestIssueProduceSyncManualPartitionNegativeDoesNotPanic",
    "TestIssue831",
    "TestClient_ProduceLargeMessages/LargeMessage_FailureClient",
    "TestClient_ProduceLargeMessages/LargeMessage_FailureBroker",
)

CHAINS = {
    "TestGroupETL": ("range", "cooperative-sticky", "cooperative-sticky/static"),
    "TestTxnEtl": ("range", "cooperative-sticky", "cooperative-sticky/static"),
}

ENDED = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \(", re.M)


class Franz(Suite):
    name = "franz"
    version = VERSION
    about = "franz-go, integration tests of pkg/kgo, classic protocol"
    limit = 600
    jobs = 1
    smoke = ("TestPing", "TestIssue434", "TestIssue523", "TestPooling", "TestGroupSimple")
    left_out = {
        "TestConsumeRegexShareSkipsInternal": "share groups",
        "TestShareGroup": "share groups",
        "TestShareGroupAckOnClose": "share groups",
        "TestShareGroupETL": "share groups",
        "TestShareGroupOffsetsAdmin": "share groups",
        "Test848RegexBrokerResolves": "the consumer protocol (KIP-848)",
        "TestGroupSimple/848": "the consumer protocol (KIP-848)",
        "TestGroupETL/…/848…": "the consumer protocol (KIP-848)",
        "TestTxnEtl/…/848…": "the consumer protocol (KIP-848)",
        "TestSCRAMAuth": "SASL",
        "TestSCRAMAuthBadCredentials": "SASL",
        "TestIssueProduceBrokerTooOldFailsRecords": (
            "skips itself where Produce begins at version 0, as it does on Kafka 4"
        ),
    }

    def prepare(self, place):
        p.interop_clients()
        self.built = place.made_from("franz", f"{MODULE}@{VERSION}\n", lambda d: build(place, d))

    def cases(self, place, broker):
        groups = {}
        for test in TESTS:
            groups.setdefault(test.partition("/")[0], []).append(test)
        settings = {"num.partitions": "1"}
        cases = [Case(name, tests, settings) for name, tests in groups.items()]
        for name, chains in CHAINS.items():
            cases.append(Case(name, [f"{name}/{chain}" for chain in chains], settings))
        return cases

    def run(self, place, case, tests, broker, work):
        env = {"KGO_SEEDS": broker.address, "KGO_TEST_RF": "1", "KGO_TEST_RECORDS": "50000"}
        which = f"^{case.name}$"
        if tests != case.tests:
            which = "|".join(f"^{test}$".replace("/", "$/^") for test in tests)
        flags = ["-test.v", "-test.run", which, "-test.timeout", f"{self.limit - 60}s"]
        status, said = p.run([self.built / "kgo.test", *flags], work, self.limit, env)
        ended = {name: how for how, name in ENDED.findall(said)}
        results = {}
        for test in tests:
            how = ended.get(test, "did not end")
            passed = how == "PASS" and status == 0
            results[test] = Result(passed, "" if passed else why(test, how, said))
        return results


def build(place, there):
    source = there / "src"
    shutil.copytree(module(place, there, MODULE, VERSION), source)
    p.check(["chmod", "-R", "u+w", source])
    p.check([go(place), "test", "-c", "-o", there / "kgo.test", "./pkg/kgo"], source)


def why(test, how, said):
    """The test's own first line of failure: they are indented behind `=== NAME` or `--- FAIL`."""
    found = re.search(r"^\s+\w+_test\.go:\d+: (.*)", said, re.M)
    panic = re.search(r"^panic: (.*)", said, re.M)
    reason = panic or found
    return f"{how.lower()}: {reason.group(1) if reason else 'said nothing'}"


SUITE = Franz()
