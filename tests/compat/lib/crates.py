"""Sources of crates, fetched by cargo."""

import json
import pathlib

from .place import check

MANIFEST = """[package]
name = "fetched"
version = "0.0.0"
edition = "2021"

[lib]
path = "lib.rs"

[dependencies]
{crate} = "={version}"

[workspace]
"""


def source_of(made, crate, version):
    """Where cargo keeps the unpacked source of this crate; fetched if it is not there."""
    package = made / f"fetched-{crate}"
    package.mkdir(parents=True, exist_ok=True)
    (package / "lib.rs").write_text("")
    (package / "Cargo.toml").write_text(MANIFEST.format(crate=crate, version=version))
    said = check(["cargo", "metadata", "--format-version", "1"], package)
    for found in json.loads(said)["packages"]:
        if found["name"] == crate:
            return pathlib.Path(found["manifest_path"]).parent
    raise AssertionError(f"cargo does not name {crate}")
