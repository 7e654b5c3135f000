"""What the figures were measured on."""

import datetime
import os
import pathlib
import platform
import re
import subprocess


def describe(tools):
    """Lines of (what, value)."""
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return [
        ("date", datetime.date.today().isoformat()),
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{int(memory.group(1)) / 2**20:.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("file system", _said("stat", "-f", "-c", "%T", tools.made)),
        ("Java", _first("java", "-version")),
        ("Rust", _said("rustc", "--version")),
    ]


def load_average():
    """Of the last minute."""
    return os.getloadavg()[0]


def _processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    named = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.*)$", text, re.M))
    name = named.get("model name", platform.machine())
    return f"{name} (family {named.get('cpu family')}, model {named.get('model')})"


def _said(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"


def _first(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ((done.stdout + done.stderr).splitlines() or ["?"])[0]
