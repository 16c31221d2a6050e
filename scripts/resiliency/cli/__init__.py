"""The command `resiliency`: from a folder of images to an exported ensemble, and the questions on
the way.

Each subcommand says which command of Snakemake it runs; those that need none run here. What a
subcommand needs is imported when it is called, so that `--help` answers at once.
"""

import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shtab

from resiliency.base.faults import Fault, brief, expected, one_line_faults

if TYPE_CHECKING:
    import numpy as np

ENDS = "--"  # what follows is for Snakemake
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet

FORMS = """

forms of --ensemble:
  best                                      the recommended model
  best under N MACs                         the same within a limit, e.g. 'best under 5 M MACs'
  best of at most N members [under N MACs]  the same of few members
  most_accurate                             the model with the least error, whatever it costs
  N                                         row N of tables/deployment.csv"""


def main(words: Sequence[str] | None = None) -> None:
    """Run the subcommand that `words`, by default those of the command line, name."""
    words = list(sys.argv[1:] if words is None else words)
    own, rest = (
        (words[: words.index(ENDS)], words[words.index(ENDS) + 1 :])
        if ENDS in words
        else (words, [])
    )
    parser = program()
    given = parser.parse_args(
        [f"./{word}" if word.startswith("-") and os.path.isdir(word) else word for word in own]
    )
    if rest and given.run not in (_snakemake, _export):
        parser.error(
            f"{given.subcommand}: nothing is passed on to Snakemake; leave out "
            f"{shlex.join([ENDS, *rest])}"
        )
    with one_line_faults():
        given.run(given, rest)


def program() -> ArgumentParser:
    """The parser of the command line; what it reads names the function to `run` with it and the
    words after `--`."""
    parser = ArgumentParser(
        "resiliency", description=__doc__.partition("\n")[0], allow_abbrev=False
    )
    parser.add_argument(
        "--version", action="version", version=f"resiliency {version('resiliency')}"
    )
    shtab.add_argument_to(
        parser, "--print-completion", help="print what completes this command in a shell"
    )
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")

    def add(
        run: Callable[[Namespace, list[str]], None], summary: str, example: str, forms: str = ""
    ) -> ArgumentParser:
        added = subparsers.add_parser(
            example.split()[1],
            help=summary,
            description=summary,
            epilog=f"example:\n  {example}{forms}",
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        added.set_defaults(run=run)
        return added

    _add_studies(add)
    _add_results(add)
    return parser


def _add_studies(add: Callable[..., ArgumentParser]) -> None:
    """Subcommands that write, check and run a study."""
    begin = add(
        _begin,
        "look at a folder of images, write a study that fits, and estimate its time and memory",
        "resiliency begin data/photos",
    )
    begin.add_argument(
        "folder", help="folder of images: <class>/*, or train/<class>/* and test/<class>/*"
    )
    begin.add_argument("--study", type=Path, help="file to write (default: studies/<folder>.yaml)")
    begin.add_argument(
        "--from-scratch", action="store_true", help="train all networks from random weights"
    )
    check = add(
        _check,
        "all that can be known before the first job: runs `snakemake --dry-run`, decodes the "
        "pictures, and estimates "
        "time, memory and disk space",
        "resiliency check studies/tiny.yaml",
    )
    run = add(
        _snakemake,
        "run a study: `snakemake --cores all --configfile STUDY`; what follows -- is passed on to "
        "Snakemake",
        "resiliency run studies/tiny.yaml -- --keep-going",
    )
    export = add(
        _export,
        "export an ensemble of a study as a folder: `snakemake export --cores all --configfile "
        "STUDY`",
        "resiliency export studies/tiny.yaml --ensemble most_accurate",
        FORMS,
    )
    for parser in (check, run, export):
        told = "files of the study, each changing those before it (default: config.yaml)"
        study: Any = parser.add_argument("study", type=Path, nargs="*", help=told)
        study.complete = shtab.FILE
    for parser in (run, export):
        parser.add_argument(
            "--cores", default="all", help="processor cores to use (default: %(default)s)"
        )
        parser.add_argument(
            "--profile",
            type=Path,
            help="profile of Snakemake, say profiles/slurm, in place of --cores",
        )
    export.add_argument(
        "--ensemble", help="best (default: the recommended model), or another: see below"
    )
    export.add_argument(
        "--force",
        action="store_true",
        help="replace the folder of an earlier export of the same row",
    )


def _add_results(add: Callable[..., ArgumentParser]) -> None:
    """Subcommands for what is there: results, and classifiers."""
    compare = add(
        _compare,
        "compare the errors of finished studies in a table and a chart",
        "resiliency compare results/digits results/tiny",
    )
    compare.add_argument(
        "results", type=Path, nargs="+", help="folders of finished studies, results/<study>"
    )
    compare.add_argument(
        "--output", type=Path, default=Path("comparison.csv"), help="table (default: %(default)s)"
    )
    evaluate = add(
        _evaluate,
        "evaluate a classifier of any framework on clean and corrupted images of a folder",
        "resiliency evaluate model.onnx data/photos/test",
    )
    evaluate.add_argument(
        "model", help="an ONNX file, or module:function from uint8 images B x H x W x 3 to logits"
    )
    evaluate.add_argument(
        "folder",
        type=Path,
        help="folder of images, a folder per class in sorted order of the classes",
    )
    evaluate.add_argument(
        "--size",
        type=int,
        default=224,
        help="pixels of a side of the images (default: %(default)s)",
    )
    evaluate.add_argument(
        "--batch-size", type=int, default=64, help="images in a batch (default: %(default)s)"
    )
    evaluate.add_argument("--csv", type=Path, help="file to write all numbers to")


def _begin(given: Namespace, _: list[str]) -> None:
    from resiliency.cli.begin import begin, study_name

    name = study_name(Path(given.folder).resolve().name)
    begin(given.folder, given.study or Path("studies", f"{name}.yaml"), given.from_scratch)


def _export(given: Namespace, rest: list[str]) -> None:
    chosen = ["--config", f"ensemble={given.ensemble}"] if given.ensemble else []
    _snakemake(
        given, [*chosen, *(["--forcerun", "write_export"] if given.force else []), *rest], "export"
    )


def _snakemake(given: Namespace, rest: list[str], *targets: str) -> None:
    """Become Snakemake, after its command was printed."""
    where = (
        ["--profile", str(_here_or_home(given.profile))]
        if given.profile
        else ["--cores", given.cores]
    )
    words = [*_workflow(), *targets, *where, *_study_files(given.study), *rest]
    print(shlex.join(words), flush=True)
    os.execvp(words[0], words)


def _workflow() -> list[str]:
    """Snakemake of this environment, with the Snakefile if it is not in this folder."""
    from resiliency.study.files import home

    os.environ["PATH"] = os.pathsep.join(
        [os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]
    )
    return (
        ["snakemake"]
        if Path("Snakefile").exists()
        else ["snakemake", "--snakefile", str(home() / "Snakefile")]
    )


def _here_or_home(path: Path) -> Path:
    """A study or a profile of this folder, or else one of the workflow."""
    from resiliency.study.files import home

    return path if path.exists() or not (home() / path).exists() else home() / path


def _study_files(files: list[Path]) -> list[str]:
    """The arguments of Snakemake for the files of a study, which it would run code of if they are
    templates.

    Raises:
        Fault: as from `study.files.read`, or a file is missing.
    """
    from resiliency.study.files import read

    files = [_here_or_home(file) for file in files]
    if missing := [file for file in files if not file.is_file()]:
        raise Fault(
            f"{missing[0]}: no such file; name the YAML file of a study, or write one with "
            "resiliency begin"
        )
    for file in files:
        read(file)
    return ["--configfile", *map(str, files)] if files else []


def _check(given: Namespace, _: list[str]) -> None:
    from resiliency.cli.begin import check

    files = _study_files(given.study)
    words = [*_workflow(), "--dry-run", *files]
    print(shlex.join(words), flush=True)
    if status := subprocess.run(words, check=False).returncode:
        sys.exit(status)
    check([_here_or_home(file) for file in given.study])


def _compare(given: Namespace, _: list[str]) -> None:
    from resiliency.comparison import difference_table, differences_chart, printed, read_studies
    from resiliency.report.drawing import write_chart
    from resiliency.storage import write_table

    if given.output.suffix != ".csv":
        raise Fault(
            f"{given.output}: {expected('a name that ends in .csv', 'another')}; a chart goes "
            "beside the table"
        )
    table = difference_table(read_studies(given.results))
    print(printed(table))
    write_table(given.output, table)
    print(given.output)
    if table["difference"].notna().any():
        picture = given.output.with_suffix(".svg")
        write_chart([picture], differences_chart(table).to_dict(), 1)
        print(picture)


def _evaluate(given: Namespace, _: list[str]) -> None:
    from resiliency.api import evaluate
    from resiliency.data.folder import image_folder
    from resiliency.data.source import ALL

    if not 32 <= given.size <= 1024:
        raise Fault(f"--size: {expected('32 to 1024 pixels', given.size)}")
    if given.csv and (given.csv.is_dir() or not given.csv.parent.is_dir()):
        raise Fault(
            f"{given.csv}: {expected('a file in a folder that is there', 'another')}; name one"
        )
    part = image_folder(given.folder, given.size, 1.0).parts.get(ALL)
    if part is None:
        raise Fault(
            f"{given.folder}: {expected('one folder per class', 'folders of splits')}; name one of "
            "the splits"
        )
    evaluation = evaluate(
        model_of(given.model, given.size), part.images, part.labels, batch_size=given.batch_size
    )
    print(evaluation)
    if given.csv:
        evaluation.to_csv(given.csv)
        print(given.csv)


def model_of(name: str, size: int) -> "Callable[[np.ndarray], object]":
    """A function from images, uint8 B x `size` x `size` x 3, to logits or probabilities B x K.

    Args:
        name: path of an ONNX file, or module:function. A file that takes uint8 gets the images
            unchanged; any other gets float32 B x 3 x H x W, normalised by the mean and standard
            deviation of ImageNet.

    Raises:
        Fault: there is no such file, module or function, onnxruntime is missing or cannot read the
            file, or it takes images of another size.
    """
    if name.endswith(".onnx"):
        return _of_onnx(name, size)
    module, colon, function = name.partition(":")
    if not colon:
        raise Fault(
            f"{name}: {expected('an ONNX file or module:function', 'neither')}; write "
            "package.module:function"
        )
    try:
        found = getattr(import_module(module), function)
    except (Exception, SystemExit) as error:
        raise Fault(
            f"{name}: cannot be imported ({brief(error)}); put its folder on PYTHONPATH"
        ) from None
    if not callable(found):
        raise Fault(f"{name}: {expected('a function', type(found).__name__)}; name one")
    return found


def _of_onnx(name: str, size: int) -> "Callable[[np.ndarray], object]":
    if not Path(name).is_file():
        raise Fault(f"{name}: no such file; name an ONNX file")
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(name, providers=["CPUExecutionProvider"])
    except ImportError:
        raise Fault("onnxruntime: is not installed; run pip install '.[export]'") from None
    except Exception as error:
        raise Fault(f"{name}: onnxruntime cannot read it: {brief(error)}") from None
    first = session.get_inputs()[0]
    as_they_are = first.type == "tensor(uint8)"
    side = first.shape[1 if as_they_are else 2]  # types for which any text will do
    if isinstance(side, int) and side != size:
        raise Fault(
            f"{name}: {expected(f'images of {side} pixels a side', f'--size {size}')}; give --size "
            f"{side}"
        )

    def predict(images: "np.ndarray") -> object:
        if not as_they_are:
            shares = images.astype("float32") / 255
            images = ((shares - MEAN) / STD).astype("float32").transpose(0, 3, 1, 2)
        return session.run(None, {first.name: images})[0]

    return predict
