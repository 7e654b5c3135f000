"""The committed lists of tests that are known to fail, each with its reason.

`expected/SUITE.txt` is Ottla's list, `expected/SUITE.kafka.txt` Apache Kafka's. A line is
`TEST  # reason`; empty lines and lines that begin with `#` are for people.
"""

from .place import HERE, Failed


def path(suite, broker):
    return HERE / "expected" / (f"{suite}.txt" if broker == "ottla" else f"{suite}.{broker}.txt")


def read(suite, broker):
    """Test -> reason."""
    file = path(suite, broker)
    if not file.exists():
        return {}
    reasons = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        test, mark, reason = line.partition("  # ")
        if not mark or not reason.strip():
            raise Failed(f"{file}:{number}: a line is `TEST  # reason`, with the reason")
        if test.strip() in reasons:
            raise Failed(f"{file}:{number}: {test.strip()} is there twice")
        reasons[test.strip()] = reason.strip()
    return reasons
