"""`python -m resiliency.reference`, in the root of the repository, writes the pages of reference and the schema."""

import json
from pathlib import Path

import yaml

from resiliency.base.faults import parser
from resiliency.reference.pages import configuration_page, study_schema, tables_page


def pages(root: Path) -> dict[str, str]:
    """Path in the repository, whose root is `root`, -> text."""
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return {
        "docs/configuration.md": configuration_page(config),
        "docs/tables.md": tables_page(),
        "studies/study.schema.json": json.dumps(study_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def main() -> None:
    """Write the pages that differ from the existing ones, and print their names."""
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
