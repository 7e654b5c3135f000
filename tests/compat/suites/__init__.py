"""The foreign suites, one file each. `ALL` is the order in which they are run and shown."""

ALL = ["librdkafka", "apache", "franz", "rdkafka", "rskafka", "node"]
