"""Go modules, by the toolchain that tests/interop/setup has installed."""

import json
import pathlib

from .place import check


def go(place):
    """The toolchain: Debian's, or the newer one that the clients want."""
    return place.interop / "go" / "go"


def module(place, there, name, version):
    """Where Go keeps the source of this module; fetched if it is not there."""
    said = check([go(place), "mod", "download", "-json", f"{name}@{version}"], there)
    return pathlib.Path(json.loads(said)["Dir"])
