"""Where things are, and how programs are run."""

import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[3]
HERE = ROOT / "tests" / "compat"

# The Apache Kafka that the suites run beside, and that they are told Ottla is.
KAFKA = "4.4.0"


# The leaders of the sessions that were started and not ended.
RUNNING = set()

# Set when the whole run is ended from outside: nothing more is started then.
ENDING = threading.Event()


class Failed(Exception):
    """Something that the runner itself needs did not work."""


class Place:
    """The directories of one run."""

    def __init__(self):
        said = check(["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"], ROOT)
        self.target = pathlib.Path(json.loads(said)["target_directory"])
        self.made = self.target / "compat"
        self.interop = self.target / "interop"
        self.work = self.made / "work"
        self.made.mkdir(parents=True, exist_ok=True)
        self.ottla = self.target / "release" / "ottla"

    def jars(self):
        """The class path of Apache Kafka and its tools."""
        return f"{self.interop / 'kafka' / 'lib'}/*"

    def made_from(self, name, wanted, make):
        """Make the directory `name` unless it was made from `wanted` before; gives it."""
        there = self.made / name
        mark = there / "made-from"
        if not (mark.is_file() and mark.read_text() == wanted):
            say(f"making {there}")
            shutil.rmtree(there, ignore_errors=True)
            there.mkdir(parents=True)
            make(there)
            mark.write_text(wanted)
        return there


_SAYING = threading.Lock()


def say(line):
    with _SAYING:
        print(line, flush=True)


def check(command, cwd=None, env=None, log=None):
    """Run to the end; gives what it printed. Raises with its last lines if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env and {**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if log else subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if log:
        log.write_text(done.stdout)
    if done.returncode != 0:
        said = (done.stdout + (done.stderr or "")).splitlines()[-30:]
        raise Failed("\n".join([f"{command} exited with {done.returncode}:", *said]))
    return done.stdout


def run(command, work, limit, env=None, log="output"):
    """Run in `work`, both outputs to the file `log` there; ended with all its children after
    `limit` seconds. Gives the exit status (none if it was ended) and what it printed."""
    path = work / log
    with open(path, "w") as out:
        child = start(command, work, out, subprocess.STDOUT, env)
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_session(child)
    return status, path.read_text(errors="replace")


def start(command, work, out, err, env=None):
    """Start in `work`, as the leader of a session that `end_session` ends."""
    child = subprocess.Popen(
        [str(word) for word in command],
        cwd=work,
        env={**clean_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )
    RUNNING.add(child)
    if ENDING.is_set():
        end_session(child)
        raise Failed("ended from outside")
    return child


def end_session(child):
    """End what is left of a session that `child` leads."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
    RUNNING.discard(child)


def clean_environment():
    """Ours without what would change how a broker or a suite behaves."""
    stray = ("OTTLA_", "TEST", "KAFKA", "RDKAFKA_", "KGO_", "RUST_LOG", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(stray)}


@functools.cache
def interop_clients():
    """Install what `tests/interop` runs: among it Java, Kafka's jars and node-rdkafka."""
    check([ROOT / "tests" / "interop" / "setup"])


def debian(packages):
    """Install what is missing of Debian's packages: {a file or command it brings: its name}."""
    missing = [package for sign, package in packages.items() if not _there(sign)]
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    check(["apt-get", "update", "-qq"])
    quiet = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    check([*quiet, *missing], env={"DEBIAN_FRONTEND": "noninteractive"})


def _there(sign):
    if sign.startswith("/"):
        return pathlib.Path(sign).exists()
    return shutil.which(sign) is not None


def die(line):
    print(line, file=sys.stderr)
    sys.exit(2)
