"""What is compared and what drives it, fetched by the ordinary clients of their registries and
built below `target/compare`. What was made from the same versions is not made again."""

import json
import pathlib
import shutil

from lib import place as p
from lib.crates import source_of

KAFKA = p.KAFKA
# A crate that has librdkafka's whole source, its examples included.
CRATE = "rdkafka-sys"
CRATE_VERSION = "4.10.0+2.12.1"
LIBRDKAFKA = CRATE_VERSION.split("+")[1]

BENCHES = ("wire", "load", "transactions")

DEBIAN = {
    "javac": "openjdk-17-jdk-headless",
    "mvn": "maven",
    "gcc": "gcc",
    "g++": "g++",
    "make": "make",
    "/usr/include/zlib.h": "zlib1g-dev",
}


class Tools:
    """Where everything is: programs as paths, `kfake` is None where Go cannot build it."""

    def __init__(self, place):
        self.place = place
        self.made = place.target / "compare"
        self.made.mkdir(parents=True, exist_ok=True)
        place.made = self.made
        self.jars = place.jars()
        self.ottla = self.made / "ottla"
        self.benches = {}
        self.kfake = None
        self.rdkafka = None

    def install(self):
        """Fetch and build what is missing."""
        p.debian(DEBIAN)
        self._kafka()
        built = self.place.made_from("librdkafka", f"{CRATE_VERSION}\n1\n", _librdkafka)
        self.rdkafka = built / "examples" / "rdkafka_performance"
        self.kfake = self._kfake()
        self._ours()

    def _kafka(self):
        """The jars of tests/interop, made as its setup makes them and where it looks for them."""
        here = p.ROOT / "tests" / "interop" / "java"
        made = self.place.interop / "kafka"
        wanted = (here / "pom.xml").read_text()
        mark = made / "made-from"
        if mark.is_file() and mark.read_text() == wanted:
            return
        p.say(f"fetching the jars of {here / 'pom.xml'}")
        shutil.rmtree(made, ignore_errors=True)
        goals = ["compile", "dependency:copy-dependencies"]
        p.check(["mvn", "-q", "-B", "-Dstyle.color=never", f"-Doutput={made}", *goals], here)
        mark.write_text(wanted)

    def _kfake(self):
        """franz-go's fake broker. Left out, not a failure, where there is no recent Go."""
        source = p.ROOT / "benches" / "peers" / "kfake"
        target = self.made / "kfake"
        wanted = "".join((source / name).read_text() for name in ("go.mod", "go.sum", "main.go"))
        mark = self.made / "kfake.made-from"
        if target.exists() and mark.is_file() and mark.read_text() == wanted:
            return target
        there = self.place.interop / "go" / "go"
        go = str(there) if there.exists() else shutil.which("go")
        try:
            if go is None:
                raise p.Failed("there is no Go")
            p.check([go, "build", "-o", target, "."], source)
        except p.Failed as failed:
            p.say(f"kfake is left out: {failed}")
            return None
        mark.write_text(wanted)
        return target

    def _ours(self):
        """The benches, and a copy of the release: what is measured stays the same to the end."""
        command = ["cargo", "build", "--release", "--locked", "--bin", "ottla"]
        for name in BENCHES:
            command += ["--bench", name]
        p.say("building Ottla and the benches")
        said = p.check([*command, "--message-format", "json"], p.ROOT)
        for line in said.splitlines():
            found = json.loads(line) if line.startswith("{") else {}
            if found.get("executable") and found["target"]["name"] in BENCHES:
                self.benches[found["target"]["name"]] = pathlib.Path(found["executable"])
        shutil.copy2(self.place.ottla, self.ottla)


def _librdkafka(there):
    source = source_of(there.parent, CRATE, CRATE_VERSION) / "librdkafka"
    shutil.copytree(source, there, dirs_exist_ok=True, symlinks=True)
    log = there / "build-log"
    # Nothing but what a plain connection needs: the same everywhere.
    off = [f"--disable-{what}" for what in ("gssapi", "curl", "ssl", "sasl", "zstd", "lz4-ext")]
    p.check(["bash", "./configure", *off], there, log=log)
    p.check(["make", "-j2", "-C", "src"], there, log=log)
    p.check(["make", "-C", "examples", "rdkafka_performance"], there, log=log)
