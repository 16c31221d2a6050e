"""The command `resiliency`: its subcommands, and estimates for a study before its first job."""

from resiliency.cli.commands import main

__all__ = ["main"]
