"""The rules of a study as a picture, from the graph that Snakemake prints; see docs/house.md for the command."""

import argparse
import re
import sys
from pathlib import Path

RULES = Path(__file__).parents[3] / "rules"
COLOURS = {
    "data": "#dbe9f6",
    "members": "#fde5c4",
    "heuristics": "#fde5c4",
    "search": "#fde5c4",
    "diversity": "#d5efe5",
    "analysis": "#f3dfeb",
    "report": "#eeeeee",
}
STYLE = 'rankdir=LR, nodesep=0.12, ranksep=0.3, bgcolor=white]; node[shape=box, style="rounded,filled", penwidth=0'


def rules() -> dict[str, str]:
    """Name of each rule -> name of its file in rules/."""
    found = {
        path.stem: re.findall(r"^ *(?:rule|use rule \w+ as) (\w+)\b", path.read_text(encoding="utf-8"), re.M)
        for path in RULES.glob("*.smk")
    }
    return {rule: file for file, names in found.items() for rule in names}


def coloured(graph: str) -> str:
    """`graph`, in the language DOT, from left to right, each rule in the colour of its file, without the rule `all`."""
    names, files = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph)), rules()
    drawn = {number: name for number, name in names.items() if name != "all"}
    nodes = [f'{number}[label="{name}", fillcolor="{COLOURS[files[name]]}"];' for number, name in drawn.items()]
    edges = [f"{a} -> {b};" for a, b in re.findall(r"(\d+) -> (\d+)", graph) if {a, b} <= drawn.keys()]
    font = 'fontname="sans-serif", fontsize=11'
    return "\n".join([f"digraph rules {{ graph[{STYLE}, {font}]; edge[color=grey];", *nodes, *edges, "}"])


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.stdout.write(coloured(sys.stdin.read()))
