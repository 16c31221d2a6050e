"""`python -m resiliency.reference`, in the root of the repository, writes the pages of reference and the schema."""

from pathlib import Path

from resiliency.program import parser
from resiliency.reference.pages import pages


def main() -> None:
    """Write what differs from what is there, and print its name."""
    arguments = parser(__doc__)
    arguments.add_argument("--root", type=Path, default=Path(), help="of the repository (default: this folder)")
    root = arguments.parse_args().root
    if not (root / "config.yaml").is_file():
        arguments.error(f"--root: {root.absolute()} has no config.yaml; name the root of the repository")
    for name, text in pages(root).items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
