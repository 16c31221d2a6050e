"""In which keys two studies differ, as they are written. A key that one lacks counts as empty there."""

import json
from collections.abc import Iterator

from resiliency.base.faults import LONGEST_VALUE, short

ABSENT, EMPTY = "–", (None, {}, [], False)


def differences(before: dict, after: dict) -> dict[str, tuple[str, str]]:
    """Key, such as `training.epochs` -> its values in the two studies, as written; `ABSENT` if a study lacks it."""
    return dict(_differing(before, after, ""))


def _differing(before: dict, after: dict, parent: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for name in [*before, *(name for name in after if name not in before)]:
        key, own, other = f"{parent}{name}", before.get(name, ABSENT), after.get(name, ABSENT)
        if isinstance(own, dict) and isinstance(other, dict):
            yield from _differing(own, other, f"{key}.")
        elif own != other and not (ABSENT in (own, other) and (own in EMPTY or other in EMPTY)):
            yield key, _written(own, other)


def _written(own: object, other: object) -> tuple[str, str]:
    """Two values as written; of long lists, what each has and the other has not."""
    texts = tuple(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in (own, other))
    if not (isinstance(own, list) and isinstance(other, list)) or max(map(len, texts)) <= LONGEST_VALUE:
        return tuple(short(text, quote=False) for text in texts)
    alone = [[value for value in these if value not in those] for these, those in ((own, other), (other, own))]
    if not any(alone):
        return f"{len(own)} in one order", f"{len(other)} in another"
    return tuple(
        f"{len(of)}, with {short(json.dumps(more), quote=False)}" if more else f"{len(of)} of them"
        for of, more in zip((own, other), alone, strict=True)
    )
