"""Texts of files of a study that must be refused, with the end of the line that does."""

from resiliency.study.files import DEEPEST


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    return "\n".join([*lines, "designs: {vit: {arguments: {x: *a8}}}"])


FILES = {
    "a key given twice": ("seed: 1\nstudy: a\nseed: 2\n", ", line 3: seed: given twice, first in line 1; keep one"),
    "twice in a list": ("a:\n  - {b: 1, c: 2, b: 3}\n", ", line 2: b: given twice, first in line 2; keep one"),
    "two merges": ("a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n", ", line 4: <<: given twice, first in line 3; keep one"),
    "an open bracket": ("a: [1\nb: 2\n", ", line 2: not YAML: "),
    "a tab": ("a:\n\t- b\n", ", line 2: not YAML: found character '\\t' that cannot start any token"),
    "an alias of nothing": ("a: *b\n", ", line 1: not YAML: found undefined alias 'b'"),
    "a zero byte": ("a: \x00\n", ": not YAML: it holds control characters"),
    "Latin-1": ("a: 1\nb: caf\xe9\n".encode("latin-1"), ", line 2: not in UTF-8; save the file in that encoding"),
    "UTF-16": ("study: a\n".encode("utf-16"), ", line 1: not in UTF-8; save the file in that encoding"),
    "a circle": ("a: &a [*a]\n", ", line 1: an anchor that holds an alias of itself"),
    "deep lists": ("a: " + "[" * 3000 + "]" * 3000, f", line 1: values nested deeper than {DEEPEST} levels"),
    "deep mappings": ("a: " + "{b: " * 30 + "1" + "}" * 30, f", line 1: values nested deeper than {DEEPEST} levels"),
    "an alias bomb": (_bomb(), ": holds 2.35e+09 values, its aliases written out; 100,000 are allowed"),
    "a list": ("- a\n", ", line 1: expected a mapping of keys, e.g. `study: mine`, got none"),
    "a template": (
        "__use_yte__: true\n",
        ": __use_yte__: a study must be plain YAML; Snakemake has run the Python in this",
    ),
}
