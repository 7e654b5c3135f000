"""The tests of the crate rdkafka, the Rust client over librdkafka."""

from lib import cargotests
from lib import place as p
from lib.case import Case, Suite

CRATE = "rdkafka"
VERSION = "0.39.0"

# Partitions of topics that the tests let be created, and the node that they expect.
SETTINGS = {"num.partitions": "3", "node.id": "0"}

# One looks at the port in the metadata, the other one connects to `localhost`.
WANTS_9092 = ("test_metadata", "test_high_producers")

NO_BROKER = ("test_topic_partition_list",)

# Its messages shall time out, which is left to chance where the topic is created.
TIMES_OUT = "test_low_producers::test_base_producer_timeout"
UNKNOWN = {"auto.create.topics.enable": "false"}


class Rdkafka(Suite):
    name = "rdkafka"
    version = VERSION
    about = "tests of the Rust crate"
    limit = 240
    remarks = (
        "`test_base_producer_timeout` is run without automatic creation of topics. It takes for "
        "granted that a topic that is created now is not known 100 ms later. With it, Apache Kafka "
        "passes and Ottla, which is faster, mostly fails.",
    )

    def prepare(self, place):
        p.debian({"gcc": "gcc", "g++": "g++", "make": "make", "/usr/include/zlib.h": "zlib1g-dev"})
        wanted = f"{CRATE} {VERSION}\n"
        self.built = place.made_from(
            "rdkafka", wanted, lambda there: cargotests.build(there, CRATE, VERSION)
        )
        self.binaries = cargotests.binaries(self.built)

    def cases(self, place, broker):
        cases = []
        for name, binary in self.binaries.items():
            if name in NO_BROKER:
                continue
            # The helpers are a part of each binary, and one of their own.
            found = [test for test in cargotests.names(binary) if not test.startswith("utils::")]
            tests = [f"{name}::{test}" for test in found]
            if TIMES_OUT in tests:
                tests.remove(TIMES_OUT)
                cases.append(Case(TIMES_OUT, [TIMES_OUT], {**SETTINGS, **UNKNOWN}))
            alone = name in WANTS_9092
            listen = "127.0.0.1:9092" if alone else None
            cases.append(Case(name, tests, SETTINGS, listen, alone))
        return cases

    def run(self, place, case, tests, broker, work):
        name = case.name.partition("::")[0]
        env = {"KAFKA_HOST": broker.address, "KAFKA_VERSION": p.KAFKA}
        return cargotests.within(name, self.binaries[name], tests, work, self.limit, env)


SUITE = Rdkafka()
