"""The files that `python -m resiliency.reference` writes."""

import json
from pathlib import Path

import yaml

from resiliency.reference.configuration import configuration_page, study_schema
from resiliency.reference.glossary import glossary_page
from resiliency.reference.tables import tables_page


def pages(root: Path) -> dict[str, str]:
    """Path in the repository, whose root is `root`, -> text."""
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return {
        "docs/configuration.md": configuration_page(config),
        "docs/glossary.md": glossary_page(root / "docs"),
        "docs/tables.md": tables_page(),
        "studies/study.schema.json": json.dumps(study_schema(), indent=2, ensure_ascii=False) + "\n",
    }
