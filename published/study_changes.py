"""How the settings of a study that ran differ from those of its file, or of another run."""

from collections.abc import Iterator

from pydantic import ValidationError

from published.kept import ROOT
from resiliency.base.faults import Fault
from resiliency.study.files import read_merged
from resiliency.study.model import Study


def current_study(name: str) -> dict | None:
    """The study of that name as `config.yaml` and its file have it now, resolved; None where it is
    not valid.

    Its images need not be there.
    """
    files = [ROOT / "config.yaml", ROOT / "studies" / f"{name}.yaml"]
    try:
        return Study(**read_merged(file for file in files if file.is_file())).model_dump(
            mode="json"
        )
    except (Fault, ValidationError):
        return None


def command_settings(study: dict, written: dict | None) -> list[str]:
    """How the study that ran differed from its file in its images, joint training or search:
    Snakemake's `--config`.

    Mirroring, whose default depends on the images, belongs to them.

    Args:
        study: as resolved, from `provenance.json`. Its folder of images is left unnamed.
        written: as `current_study` gives it.
    """
    if not written:
        return []
    dataset = written["dataset"] or {}
    of_images = {
        key: value for key, value in (study["dataset"] or {}).items() if value != dataset.get(key)
    }
    of_images |= {"folder": "<folder>"} if "folder" in of_images else {}
    left_out = [f"{key}=" for key in ("joint", "search") if written.get(key) and study[key] is None]
    images = ", ".join(f"{key}: {value}" for key, value in of_images.items())
    if not images:
        return left_out
    flip = study["training"]["flip"]
    mirrored = (
        [f'"training={{flip: {str(flip).lower()}}}"'] if flip != written["training"]["flip"] else []
    )
    return [f'"dataset={{{images}}}"', *mirrored, *left_out]


def outdated_keys(study: dict, written: dict | None) -> list[str]:
    """Keys, besides images and what was left out, in which the study that ran is not what its file
    says now.

    Settings that one of both does not know count as equal, and of the designs those alone that the
    study trained; the recipe counts if there are such designs.
    """
    if not written:
        return ["study"]
    used = {*study["members"]["designs"], *(study["joint"] or {}).get("designs", [])}
    used |= {study["search"]["design"]} if study["search"] else set()
    asked = written | {
        "designs": {name: of for name, of in written["designs"].items() if name in used}
    }
    unused = {"dataset", "ensemble"} if used else {"dataset", "ensemble", "training"}
    differing = {*_differing({key: asked[key] for key in asked.keys() - unused}, study)}
    return sorted(
        differing - ({"training.flip"} if study["dataset"] != asked["dataset"] else set())
    )


def _differing(written: object, ran: object, key: str = "") -> Iterator[str]:
    if isinstance(written, dict) and isinstance(ran, dict):
        for name in written.keys() & ran.keys():
            yield from _differing(written[name], ran[name], f"{key}.{name}" if key else name)
    elif written != ran and not (key in ("joint", "search") and ran is None):
        yield key
