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
    "a list as a key": ("a: 1\n[b, c]: 2\n", ", line 2: a list or mapping as a key; write a word, or quote it"),
    "a mapping as a key": ("a: {? {b: 1} : 2}\n", ", line 1: a list or mapping as a key; write a word, or quote it"),
    "braces not quoted": ("study: a\n{seed}: 2\n", ", line 2: a list or mapping as a key; write a word, or quote it"),
    "a list as a key in a list": ("a:\n  - x\n  - [[1]: 2]\n", ", line 3: a list or mapping as a key; write a word"),
    "a number as a key": ("a: 1\n2: b\n", ", line 2: 2: keys must be words"),
    "true as a key": ("a: 1\nyes: b\n", ", line 2: yes: keys must be words"),
    "nothing as a key": ("a: 1\n~: b\n", ", line 2: ~: keys must be words"),
    "a date that is none": ("a: 1\nb: 2024-02-30\n", ", line 2: 2024-02-30: cannot be read (day is out of range"),
    "a time that is none": ("a: 2024-01-01 99:00:00\n", ", line 1: 2024-01-01 99:00:00: cannot be read (hour must"),
    "a date as a key": ("a: {2024-13-01: 1}\n", ", line 1: 2024-13-01: cannot be read (month must be in 1..12); quote"),
    "a number of many digits": (f"a: 1\nb: {'9' * 5000}\n", f", line 2: {'9' * 60}: cannot be read (Exceeds the limit"),
    "a tag of Python": ("a: !!python/name:os.system x\n", ", line 1: x: cannot be read (could not determine a"),
    "bytes that are none": ("a: !!binary abc\n", ", line 1: abc: cannot be read (failed to decode base64 data"),
    "a list": ("- a\n", ", line 1: expected a mapping of keys, e.g. `study: mine`, got none"),
    "a template": (
        "__use_yte__: true\n",
        ": __use_yte__: a study must be plain YAML; Snakemake has run the Python in this",
    ),
}
