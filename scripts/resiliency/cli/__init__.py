"""The command `resiliency`: its subcommands, and what can be said of a study before its first job."""

from resiliency.cli.commands import main

__all__ = ["main"]
