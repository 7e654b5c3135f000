"""librdkafka's own test-runner, in full mode, a process for each of its numbers.

Its whole tree comes inside the crate rdkafka-sys. The broker-bound tests are those that it does
not mark as local; two scenarios are one plaintext node: the default one and the one without
automatic creation of topics.
"""

import json
import re
import shutil

from lib import place as p
from lib.case import Case, Result, Suite
from lib.crates import source_of

CRATE = "rdkafka-sys"
CRATE_VERSION = "4.10.0+2.12.1"
# Counts up when what is built from the same source changes.
BUILD = 2

# Line in test.c: _TEST(0018_cgrp_term, 0, TEST_BRKVER(0, 9, 0, 0)),
DECLARED = re.compile(r"\b_TEST\((\d{4}_\w+)\s*,([^;]*?)(?=\n\s*_TEST\(|\n#|\n\s*/\*|\{NULL)", re.S)

# What a failure is announced by, and the line after it says what.
FAILED = re.compile(r'### Test "(\w+)[^\n]* failed at [^\n]*\n([^\n]*)')

SETTINGS = {"num.partitions": "4"}
SCENARIOS = {
    "default": SETTINGS,
    "noautocreate": {**SETTINGS, "auto.create.topics.enable": "false"},
}

# Tests whose members come one after the other and must all be in the first generation, as they are
# with Kafka's default of 3 s.
LIKE_KAFKA = {"group.initial.rebalance.delay.ms": "3000"}
WANTED = {"0102": LIKE_KAFKA, "0113": LIKE_KAFKA, "0118": LIKE_KAFKA}

COMMAND = """#!/bin/sh
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$CLASSPATH:{jars}" {flags} "$@"
"""
COMMANDS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-run-class.sh": "",
}

# Tests that measure milliseconds.
ALONE = ("0055", "0127")

# It takes nine minutes, the next one little more than one: nothing shall wait for it at the end.
LONG = "0113"

# Tests of which some sub-tests want what there is not: number -> from where on in its source their
# names are found, and how.
IN_PARTS = {
    "0055": ("struct latconf latconfs[]", r'^\s+\{"([^"]* [^"]*)",'),
    "0081": ("static void do_test_apis(", r"^\s+(do_test_(?!apis)\w+)\("),
    "0137": ("int main_0137", r"^\s+(do_test_\w+)\("),
}

# What a test does with brokers that have no transactions it can be asked by itself.
ALSO = {"0061 without transactions": {"version": "0.10.2.0"}}

# The ones that ask for a broker's version and then for what it had from there on.
OLDER = {
    # Newer than 2.0 asks for ACLs, by Kafka's own command.
    "0109": "2.0.0",
}


class Librdkafka(Suite):
    name = "librdkafka"
    version = "2.12.1"
    about = "test-runner, full mode, classic protocol, one number a process"
    limit = 1200
    remarks = (
        "Three replicas, which the tests ask for by a number in their source, are made one on the "
        "client's side.",
        "0055, 0081 and 0137 are run in parts, `TEST/PART`, and 0061 also without its second half: "
        "they end at the first part that fails, and some parts want what there is not.",
        "0102, 0113 and 0118 are run with Kafka's default of `group.initial.rebalance.delay.ms`, 3 s: "
        "their members are to be in one generation.",
        "0109 is configured for an older broker: with a newer one it changes ACLs with Kafka's own command.",
    )
    left_out = {
        "0028_long_topicnames": "known to fail, by its own mark",
        "0047_partial_buf_tmout": "known to fail, by its own mark",
        "0081_admin/do_test_CreateAcls": "ACLs",
        "0081_admin/do_test_DescribeAcls": "ACLs",
        "0081_admin/do_test_DeleteAcls": "ACLs",
        "0081_admin/do_test_UserScramCredentials": "SASL",
        "0092_mixed_msgver": "message formats that Kafka 4 has no more",
        "0097_ssl_verify": "TLS",
        "0101_fetch_from_follower": "several brokers in racks",
        "0113_cooperative_rebalance/o_java_interop": (
            "skips itself: it takes the client's default of sasl.mechanism for a sign of SASL"
        ),
        "0115_producer_auth": "ACLs",
        "0119_consumer_auth": "ACLs",
        "0126_oauthbearer_oidc": "SASL",
        "0135_sasl_credentials": "SASL",
        "0139_offset_validation_mock": "no broker but its own",
        "0142_reauthentication": "SASL",
        "0150_telemetry_mock": "no broker but its own",
        "0153_memberid": "skips itself in the classic protocol",
    }
    smoke = (
        "0001", "0011", "0012", "0017", "0019", "0022", "0030", "0031", "0034", "0044", "0054",
        "0067", "0073", "0085", "0090", "0099", "0107 noautocreate", "0110", "0130", "0140",
    )  # fmt: skip

    def prepare(self, place):
        p.debian(
            {
                "gcc": "gcc",
                "g++": "g++",
                "make": "make",
                "/usr/include/zlib.h": "zlib1g-dev",
                "/usr/include/zstd.h": "libzstd-dev",
                "/usr/include/openssl/ssl.h": "libssl-dev",
                # Some tests look into the client's statistics, and skip themselves without it.
                "/usr/include/rapidjson/rapidjson.h": "rapidjson-dev",
            }
        )
        p.interop_clients()
        shim = (p.HERE / "suites" / "librdkafka_shim.c").read_text()
        self.built = place.made_from("librdkafka", f"{CRATE_VERSION}\n{BUILD}\n{shim}", self._build)
        self.tests = self.built / "tests"
        self._commands(place)

    def _build(self, there):
        source = source_of(there.parent, CRATE, CRATE_VERSION) / "librdkafka"
        shutil.copytree(source, there, dirs_exist_ok=True, symlinks=True)
        log = there / "build-log"
        # What the shim replaces must be called through the library's own symbols.
        p.check(["bash", "./configure", "--disable-gssapi", "--disable-curl"], there, log=log)
        p.check(["make", "-j2", "libs"], there, log=log)
        p.check(["make", "-j2", "-C", "tests", "build"], there, log=log)
        shim = p.HERE / "suites" / "librdkafka_shim.c"
        headers = there / "src"
        command = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", f"-I{headers}"]
        p.check([*command, "-o", there / "shim.so", shim, "-ldl"])

    def _commands(self, place):
        """Some tests use the commands of a Kafka that is installed, and some a Java client."""
        commands = self.built / "kafka" / "bin"
        commands.mkdir(parents=True, exist_ok=True)
        for name, flags in COMMANDS.items():
            (commands / name).write_text(COMMAND.format(jars=place.jars(), flags=flags))
            (commands / name).chmod(0o755)
        java = self.tests / "java"
        (java / "run-class.sh").chmod(0o755)
        if not (java / "TransactionProducerCli.class").exists():
            p.check(["javac", "-cp", place.jars(), *sorted(java.glob("*.java"))])

    def cases(self, place, broker):
        cases = {}
        for name, rest in DECLARED.findall((self.tests / "test.c").read_text()):
            if "TEST_F_LOCAL" in rest or "TEST_F_MANUAL" in rest or name in self.left_out:
                continue
            said = re.search(r'\.scenario\s*=\s*"([^"]*)"', rest)
            scenario = said.group(1).split(",")[0] if said else "default"
            number = name[:4]
            case = number if scenario == "default" else f"{number} {scenario}"
            version = OLDER.get(number, p.KAFKA)
            like = {"number": number, "scenario": scenario, "version": version}
            settings = {**SCENARIOS[scenario], **WANTED.get(number, {})}
            alone = number in ALONE
            new = Case(case, [], settings, alone=alone, like=like)
            cases.setdefault(case, new).tests.append(name)
        for number, (begins, pattern) in IN_PARTS.items():
            whole = cases.pop(number)
            cases |= {part.name: part for part in self._parts(whole, begins, pattern)}
        cases |= {name: self._also(cases[name[:4]], name, like) for name, like in ALSO.items()}
        return sorted(cases.values(), key=lambda case: case.name != LONG)

    def _parts(self, whole, begins, pattern):
        """The sub-tests of a test, one by one: it ends at the first failure of one."""
        (test,) = whole.tests
        (file,) = self.tests.glob(f"{whole.name}-*.c")
        source = file.read_text()
        for sub in dict.fromkeys(re.findall(pattern, source[source.index(begins) :], re.M)):
            if f"{test}/{sub}" not in self.left_out:
                yield self._also(whole, f"{whole.name} {sub}", {"sub": sub})

    def _also(self, whole, name, like):
        """The same test in another way, which its name tells after the number."""
        (test,) = whole.tests
        tests = [f"{test}/{name[5:]}"]
        return Case(name, tests, whole.settings, alone=whole.alone, like={**whole.like, **like})

    def run(self, place, case, tests, broker, work):
        number = case.like["number"]
        # Some look for files of the source around the directory that they are run in.
        (work / "src").symlink_to(self.built / "src")
        work = work / "tests"
        work.mkdir()
        (work / "java").symlink_to(self.tests / "java")
        (work / "Makefile").write_text(".PHONY: java\njava:\n")
        conf = work / "test.conf"
        conf.write_text(f"bootstrap.servers={broker.address}\ntest.topic.random=true\n")
        report = work / "report.json"
        env = {
            "LD_LIBRARY_PATH": f"{self.built / 'src'}:{self.built / 'src-cpp'}",
            "LD_PRELOAD": str(self.built / "shim.so"),
            "RDKAFKA_TEST_CONF": str(conf),
            "KAFKA_PATH": str(self.built / "kafka"),
            "BROKERS": broker.address,
            "TEST_KAFKA_VERSION": case.like["version"],
            "TEST_CONSUMER_GROUP_PROTOCOL": "classic",
            # It has room for a short path.
            "TEST_REPORT": report.name,
            "TESTS": number,
        }
        sub = case.like.get("sub")
        if sub:
            env["SUBTESTS"] = sub
        command = [self.tests / "test-runner", "-p1", "-L", "-s", case.like["scenario"]]
        status, said = p.run(command, work, self.limit, env)
        states = _states(report)
        causes = dict(reversed(FAILED.findall(said)))
        results = {}
        for test in tests:
            whole = test.partition("/")[0]
            state = states.get(whole, "did not report")
            # The filter may match nothing, and then all is well.
            if sub and not re.search(rf"\[ [^\n]*{re.escape(sub)}", said):
                state = "not run"
            results[test] = Result(state == "PASSED", causes.get(whole) or _why(state, status, said))
        return results


def _states(report):
    """Test -> the state it reported."""
    try:
        reported = json.loads(report.read_text())["tests"]
    except (OSError, ValueError):
        return {}
    return {name: test["state"] for name, test in reported.items()}


def _why(state, status, said):
    skipped = re.search(r"SKIPPING TEST: (.*)|SKIPPED: (.*)", said)
    if state == "SKIPPED" and skipped:
        return f"skipped itself: {skipped.group(0)}"
    if status is None:
        return "took too long and was ended"
    return f"{state.lower()}, exit status {status}"


SUITE = Librdkafka()
