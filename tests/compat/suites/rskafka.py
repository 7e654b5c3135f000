"""The tests of the crate rskafka, a Rust client of its own.

Some of them compare it with Java's client, in a virtual machine inside of the test's process.
"""

import re

from lib import cargotests
from lib import place as p
from lib.case import Case, Suite

CRATE = "rskafka"
VERSION = "0.6.0"

# The one in its Cargo.lock does not compile with a Rust of 2026.
NEWER = [("rsasl", "2.3.1")]

GET = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get"

SETTINGS = {"auto.create.topics.enable": "false"}


class Rskafka(Suite):
    name = "rskafka"
    version = VERSION
    about = "tests of the Rust crate"
    limit = 600
    left_out = {
        "client::test_sasl": "SASL",
        "client::test_tls": "TLS, and ignored by its own mark",
    }

    def prepare(self, place):
        p.debian(
            {
                "gcc": "gcc",
                "g++": "g++",
                "make": "make",
                "javac": "openjdk-17-jdk-headless",
                "mvn": "maven",
                "/usr/include/zlib.h": "zlib1g-dev",
            }
        )
        wanted = f"{CRATE} {VERSION} {NEWER}\n"
        self.built = place.made_from(
            "rskafka", wanted, lambda there: cargotests.build(there, CRATE, VERSION, NEWER)
        )
        self.binaries = cargotests.binaries(self.built)
        place.made_from("rskafka-jars", wanted, self._jars)

    def _jars(self, there):
        """What the virtual machine loads; it looks into Maven's local repository first."""
        helper = (self.built / "source" / "tests" / "java_helper.rs").read_text()
        for artifact in re.findall(r'^ +"([\w.]+:[\w-]+:[\w.-]+)",$', helper, re.M):
            p.check(["mvn", "-q", "-B", GET, f"-Dartifact={artifact}", "-Dtransitive=false"], there)

    def cases(self, place, broker):
        cases = []
        for name, binary in self.binaries.items():
            tests = [f"{name}::{test}" for test in cargotests.names(binary)]
            tests = [test for test in tests if test not in self.left_out]
            if tests:
                cases.append(Case(name, tests, SETTINGS))
        return cases

    def run(self, place, case, tests, broker, work):
        env = {"TEST_INTEGRATION": "1", "TEST_JAVA_INTEROPT": "1"}
        env |= {"TEST_BROKER_IMPL": "kafka", "KAFKA_CONNECT": broker.address}
        binary = self.binaries[case.name]
        return cargotests.within(case.name, binary, tests, work, self.limit, env)


SUITE = Rskafka()
