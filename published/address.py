"""The repository's address, which `project.urls.Repository` of pyproject.toml may hold, in the
files that name it."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
BADGE, CI = "https://img.shields.io/badge", "actions/workflows/tests.yml"
UNKNOWN = "cd resiliency                                # a clone of this repository"
EXAMPLE = "results/digits"


def project() -> dict:
    """The table `project` of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def address() -> str:
    """The address; "" where it is not set."""
    return project()["urls"].get("Repository", "").rstrip("/")


def site(address: str) -> str:
    """Where docs.yml publishes the documentation of a repository on GitHub; "" elsewhere."""
    url = urlsplit(address)
    owner, _, name = url.path.strip("/").partition("/")
    return f"https://{owner.lower()}.github.io/{name}" if url.hostname == "github.com" else ""


def badges(address: str, to_root: str) -> str:
    """A line of badges; that of CI has an address only with a repository's."""
    python = project()["requires-python"].removeprefix(">=")
    shown = [f"[![CI]({address}/{CI}/badge.svg)]({address}/{CI})"] if site(address) else []
    shown.append(f"[![Licence: Apache-2.0]({BADGE}/licence-Apache--2.0-blue)]({to_root}LICENSE)")
    return " ".join(
        [*shown, f"![Python {python} or newer]({BADGE}/python-%E2%89%A5_{python}-blue)"]
    )


def with_address(file: Path, text: str, address: str) -> str:
    """The text of README, a page of docs/ or CITATION.cff, with another address or none."""
    if file.suffix == ".cff":
        text = re.sub(r"^repository-code: .*\n", "", text, flags=re.MULTILINE)
        line = f'repository-code: "{address}"\n' if address else ""
        return re.sub(r"^license: .*\n", lambda match: match[0] + line, text, flags=re.MULTILINE)
    to_root = "../" * (file.parent.name == "docs")
    clone = f"git clone {address} resiliency && cd resiliency" if address else UNKNOWN
    example = f"{'' if to_root else 'docs/'}{EXAMPLE}.md"
    if site(address) and not to_root:
        example = f"{site(address)}/{EXAMPLE}/report.html"
    text = re.sub(r"^(?:git clone|cd resiliency).*$", clone, text, flags=re.MULTILINE)
    text = re.sub(r"(?<=\[Example report\]\()[^)]*", example, text)
    return re.sub(r"^\[?!\[(?:CI|Licence).*$", badges(address, to_root), text, flags=re.MULTILINE)


def addressed() -> dict[Path, str]:
    """File -> its text with the address, for each file that names it."""
    named = [
        ROOT / name
        for name in ("README.md", "docs/index.md", "docs/installation.md", "CITATION.cff")
    ]
    return {file: with_address(file, file.read_text(encoding="utf-8"), address()) for file in named}
