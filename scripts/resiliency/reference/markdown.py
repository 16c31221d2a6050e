"""Plain words as Markdown."""

import re


def table_row(*cells: str) -> str:
    """A row of a table, with its line end; what is within backticks stays as it is, marks elsewhere are literal."""
    return "| " + " | ".join(_literal(cell) for cell in cells) + " |\n"


def _literal(text: str) -> str:
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*") for part in parts)
