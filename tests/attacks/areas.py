"""The areas of the attacks, each with what is tried and what is promised."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from attacks.abstaining import abstaining
from attacks.added import added
from attacks.ages import ages
from attacks.arrays import arrays
from attacks.begun import begun
from attacks.calls import calls
from attacks.cases import Case, cases
from attacks.compared import compared
from attacks.comparisons import comparisons
from attacks.described import described
from attacks.factories import FACTORIES, FAULTS
from attacks.few import few
from attacks.folders import FOLDERS, good_folder, read
from attacks.leftovers import leftovers
from attacks.names import names
from attacks.networks import networks
from attacks.numbered import numbered
from attacks.packages import packages
from attacks.recommended import recommended
from attacks.records import records
from attacks.results import damaged
from attacks.servers import servers
from attacks.studies import spoilt
from attacks.study_files import FILES
from attacks.tables import tables
from attacks.test_sets import test_sets
from attacks.units import units
from attacks.weights import WEIGHTS
from attacks.words import words

from resiliency.base.faults import Fault
from resiliency.designs.settings import Design
from resiliency.study.files import read_places
from resiliency.study.network_trial import trial

SAMPLE = 150


class Area(NamedTuple):
    """Attacks of one kind.

    Attributes:
        cases: makes the attacks.
        tried, promised: for the page of docs.
    """

    name: str
    cases: Callable[[], Iterable[Case]]
    tried: str
    promised: str


def _study_file(folder: Path, content: str | bytes) -> None:
    path = folder / "study.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    read_places([path])


@cache
def _faults_of_factories() -> dict[str, str]:
    """What is wrong with each factory, all tried at once."""
    Path("factories_to_try.py").write_text(FACTORIES)
    described = {name: Design(factory=f"factories_to_try:{name}").description(32) for name in FAULTS}
    return trial(
        {name: {"description": description, "outputs": 10, "fetched": None} for name, description in described.items()}
    )


def _factory(_: Path, name: str) -> None:
    if fault := _faults_of_factories().get(name):
        raise Fault(fault)


def _folder(folder: Path, make: Callable[[Path], object]) -> None:
    photos = good_folder(folder / "photos")
    make(photos)
    read(photos, folder / "out")


AREAS = (
    Area(
        "studies",
        lambda: spoilt(SAMPLE),
        "the default study with keys, values, names or characters of its file changed at random",
        "a study that can be planned, or a line for each fault, with key, file and line; unknown keys, keys given "
        "twice and mappings in place of values are never accepted",
    ),
    Area(
        "comparisons",
        comparisons,
        "fewer resamples than the intervals of all corruptions together need, just enough, and more",
        "refused in one line where a correction would be wrong, accepted elsewhere",
    ),
    Area(
        "study files",
        lambda: cases(FILES, _study_file),
        "files that are not YAML in UTF-8, keys given twice, aliases that hold themselves or blow up, deep nesting",
        "refused in one line with file and line; what Snakemake cannot read either it stops at first, in its own words",
    ),
    Area(
        "words",
        words,
        "booleans where numbers belong, braces in paths, and classes called true, false or with braces",
        "refused in one line, or the classes that were named",
    ),
    Area(
        "names",
        names,
        "names of test sets, members, designs and studies that could be read as another column, or that cannot be part "
        "of a path, in each place",
        "refused in one line, or no two columns and no two files have one name",
    ),
    Area(
        "decisions and scores",
        tables,
        "imported tables in another order, of other images, with cells, columns and encodings that cannot be",
        "refused in one line, or one network given twice agrees with itself on every image",
    ),
    Area(
        "numbered images",
        numbered,
        "images that are numbers, written in many ways, in rows of another order that has the same labels",
        "matched by number; what is no number, or twice the same, is refused in one line",
    ),
    Area(
        "descriptions",
        described,
        "columns of fractions beside per cent, parameters in millions, infinite or of no member, families in other "
        "cases, films in two splits",
        "refused in one line; what says the same in another form is accepted",
    ),
    Area(
        "units",
        units,
        "units of test images by patterns, tables, columns and arrays, drawn at random, incomplete or contradictory",
        "the units that were drawn, or a line that refuses them",
    ),
    Area(
        "logits and probabilities",
        arrays,
        "imported arrays of other types, shapes and kinds, under each other's key, with NaN, cut short",
        "refused in one line, or the probabilities that were written",
    ),
    Area(
        "ages",
        ages,
        "inputs and modules of factories replaced by others that are not newer, as `cp -p`, `mv`, `rsync` and `tar` "
        "bring them, and inputs that are only touched",
        "results are recomputed if and only if the content is another",
    ),
    Area(
        "calls from Python",
        calls,
        "samples of other kinds, types and bits for the transform; baselines of other images, labels and severities",
        "corrupted or refused in one line; mCE is relative to the errors on the same images",
    ),
    Area(
        "records",
        records,
        "Snakemake's records of all results or of one removed, damaged, of another working folder or of another file; "
        "results dated before they were made, or ahead of the clock; and moves, copies and kills that lose none",
        "refused in one line that says what can be done, if and only if it is not known what results were made with",
    ),
    Area(
        "leftovers",
        leftovers,
        "tables, charts, weights, predictions and export cards that a study no longer makes, that were written again "
        "since its last run ended, or that are gone; and copies and touched files that are still those of the run",
        "refused in one line or left out, if and only if it is not what the last run made",
    ),
    Area(
        "compared studies",
        compared,
        "two studies side by side that differ in one key, in their test images or in their corruptions",
        "the key is named before any number, and what cannot be compared is said",
    ),
    Area(
        "test sets",
        test_sets,
        "arrays of images and labels of other types and shapes; folders named by numbers that could be classes",
        "refused in one line, or each image has its label",
    ),
    Area(
        "extensions",
        packages,
        "packages with names that are taken, modules that fail, print or end Python, and objects of other shapes, "
        "in-place changes or randomness of their own",
        "refused before the first job, in one line",
    ),
    Area(
        "factories",
        lambda: cases({name: (name, words) for name, words in FAULTS.items()}, _factory),
        "functions that do not return a network, return one that no stage can use, or end Python",
        "refused before the first job, in one line",
    ),
    Area(
        "networks",
        networks,
        "networks of several kinds whose outputs are spoilt: probabilities, noise, statistics of the batch, other "
        "orders, shapes and types, changes of images or weights",
        "refused in one line; logits in another scale or type are accepted",
    ),
    Area(
        "weights",
        lambda: WEIGHTS,
        "files that are not weights, or weights of another network; pickled code",
        "refused in one line; nothing is unpickled but tensors",
    ),
    Area(
        "folders",
        lambda: cases(FOLDERS, _folder),
        "image folders in other layouts, with empty classes, files that are not images, training images in a test",
        "refused in one line before anything is written; names may be long or odd",
    ),
    Area(
        "begin",
        begun,
        "folders of photos with any name, with pictures cut short, emptied or replaced, with few images",
        "a study that reads this folder and has enough images of each split, or a line for each broken picture and "
        "nothing written",
    ),
    Area(
        "few images",
        few,
        "sets of 1 to 11 images on which members err never, sometimes or always",
        "with fewer than 10 no rank, no interval by resampling and no group, and what is left out is said",
    ),
    Area(
        "added files",
        added,
        "files of predictions with some of the study's test sets, in any order and form, or with none of them",
        "refused in one line, or one network given twice agrees with itself on every image",
    ),
    Area(
        "servers",
        servers,
        "servers of archives that send other bytes, fewer, more or none, no HTTP, redirects to themselves or to files",
        "given up in one line; what has another checksum is never used, and no download runs for ever",
    ),
    Area(
        "abstaining",
        abstaining,
        "answers that tie, are all sure, or all wrong, under each rule and at several temperatures; thresholds are "
        "read back from table and export",
        "the study, the table and the exported program answer the same images at every threshold",
    ),
    Area(
        "recommendation",
        recommended,
        "tables of models with unknown costs, ties and equal errors, by MACs, latency or members, by errors or costs",
        "the cheapest model of known cost within the margin, and a sentence whose numbers are the table's",
    ),
    Area(
        "damaged results",
        damaged,
        "each format of results with single bits flipped, ends lost, bytes added",
        "named where they are read, in one line",
    ),
)
