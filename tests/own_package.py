"""The package of extensions that docs/own_extensions.md describes, installed as pip would do."""

import re
import tomllib
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/own_extensions.md"


def install(folder: Path) -> None:
    """Write the files of the page, and what the metadata of an installed package says of its entry points."""
    blocks = re.findall(
        r"^`([\w/.]+)`:\n\n```\w+\n(.*?)```\n", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    files = dict(blocks)
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    offer(folder, project["entry-points"], project["name"], project["version"])


def offer(folder: Path, groups: dict[str, dict[str, str]], name: str = "lens-study", version: str = "1.0") -> None:
    """Write the metadata of an installed package with these entry points: group -> name -> object."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [line for group, entries in groups.items() for line in (f"[{group}]", *map(" = ".join, entries.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
