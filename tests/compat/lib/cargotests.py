"""The test binaries of a crate as it was published: built with its own Cargo.lock, in a copy."""

import json
import re
import shutil

from . import place as p
from .case import Result
from .crates import source_of

# What the harness says at its end of each test that failed.
PANICKED = re.compile(r"^---- (\S+) stdout ----\n(.*?)(?=^---- |^failures:|\Z)", re.M | re.S)


def build(there, crate, version, newer=()):
    """Build all test binaries of the crate; their names go to `binaries`, a line each. `newer`
    are the (dependency, version) that must be newer than in its Cargo.lock to compile at all."""
    source = there / "source"
    shutil.copytree(source_of(there.parent, crate, version), source)
    # It names the toolchain its authors used; ours will do.
    (source / "rust-toolchain.toml").unlink(missing_ok=True)
    for dependency, wanted in newer:
        p.check(["cargo", "update", "-p", dependency, "--precise", wanted], source)
    command = ["cargo", "test", "--locked", "-j2", "--no-run", "--message-format", "json", "--tests"]
    said = p.check(command, source, env={"CARGO_TARGET_DIR": str(there / "target")})
    built = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    tests = [one for one in built if one.get("executable") and "test" in one["target"]["kind"]]
    lines = [f"{one['target']['name']} {one['executable']}\n" for one in tests]
    (there / "binaries").write_text("".join(sorted(lines)))


def binaries(there):
    """Name -> the test binary."""
    return dict(line.split(" ", 1) for line in (there / "binaries").read_text().splitlines())


def names(binary):
    """The tests of a binary."""
    said = p.check([binary, "--list"])
    return [line.removesuffix(": test") for line in said.splitlines() if line.endswith(": test")]


def run(binary, tests, work, limit, env):
    """Run these tests of a binary, one after the other; gives test -> Result."""
    command = [binary, "--exact", "--test-threads", "1", *tests]
    status, said = p.run(command, work, limit, env)
    causes = {name: last_words(text) for name, text in PANICKED.findall(said)}
    results = {}
    for test in tests:
        how = outcome(said, test)
        cause = causes.get(test) or (f"{how}, exit status {status}" if how != "ok" else "")
        results[test] = Result(how == "ok", cause)
    return results


def outcome(said, test):
    """What the harness said; the test's own output may stand between its name and the word."""
    found = re.search(rf"^test {re.escape(test)}(?: - should panic)? \.\.\. (.*?)(?=^test |\Z)", said,
                      re.M | re.S)
    words = re.findall(r"(?:^|\.\.\. )(ok|FAILED|ignored)$", found.group(0), re.M) if found else []
    return words[-1] if words else "did not end"


def last_words(text):
    """What a panic said: the line after `thread … panicked at …`."""
    said = text.strip().splitlines()
    for number, line in enumerate(said):
        if "panicked at" in line:
            return " ".join(said[number + 1 : number + 3])[:300]
    return said[-1][:300] if said else ""


def within(prefix, binary, tests, work, limit, env):
    """The same for tests that are named with their binary before them: `BINARY::TEST`."""
    own = {test.removeprefix(f"{prefix}::"): test for test in tests}
    results = run(binary, list(own), work, limit, env)
    return {own[test]: result for test, result in results.items()}
