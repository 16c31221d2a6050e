"""Puts the workflow into the wheel, as resiliency/workflow: all of a clone that a study needs
beside the library."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = (
    "Snakefile",
    "config.yaml",
    "rules",
    "scripts/*.py",
    "studies",
    "profiles",
    "envs",
    "docs/*.md",
)


class WorkflowHook(BuildHookInterface):
    """Called by hatchling before it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files, each at its place in the clone; an editable installation uses the clone
        itself."""
        if version != "editable":
            root = Path(self.root)
            paths = (path.relative_to(root) for pattern in FILES for path in root.glob(pattern))
            build_data["force_include"] |= {
                str(path): f"resiliency/workflow/{path}" for path in paths
            }
