"""The program of a data set whose images are put into folders: one per part, with one per class in
it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from resiliency.base.faults import parser


def arrange(documentation: str, arranged: Callable[[Path], dict[str, list[Path]]]) -> None:
    """Copy the images of an archive, which the command line names, to the folder that it names.

    Args:
        documentation: of the program's module.
        arranged: archive -> part -> the files of its images, each in a folder of its class.
    """
    arguments = parser(documentation)
    arguments.add_argument("archive", type=Path, help="folder of the images as they are published")
    arguments.add_argument("folder", type=Path, help="folder to make, <part>/<class>/*")
    given = arguments.parse_args()
    for part, files in arranged(given.archive).items():
        for file in files:
            copy = given.folder / part / file.parent.name / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        print(f"{part}: {len(files):,} images of {len({file.parent for file in files})} classes")
