"""Arranges the photographs of the German Traffic Sign Recognition Benchmark as
studies/traffic_signs.yaml reads them.

A track is one sign filmed some 30 times from a passing car. Whole tracks of the training archive
are held out for the test and for validation, as large a share of each class as of all; of training
tracks 19 frames are kept, so that an epoch of batches of 64 has 250 steps. Frames of a track are
taken at equal distances. The benchmark's own test images, whose tracks nobody published, become a
further test set, but for eight of stop signs that the training archive has too.

    python -m published.traffic_signs.arrange ARCHIVE data/traffic_signs

ARCHIVE has train/<class>/<track>_<frame>.png and test/<class>/*.png at 32x32 pixels.
"""

import hashlib
from pathlib import Path

from published.folders import arrange
from resiliency.base.streams import stream

PARTS = {  # share of the tracks of a class, fewest tracks of it, frames of a track
    "test": (0.27, 2, 2),
    "val": (0.08, 1, 4),
}
TRAINING_FRAMES = 19
OFFICIAL = "official"


def spread(frames: list, count: int) -> list:
    """`count` of the frames of a track, in the middle of as many equal stretches of it."""
    return [frames[int((place + 0.5) * len(frames) / count)] for place in range(count)]


def parts_of(tracks: list[str], of_class: str) -> dict[str, list[str]]:
    """Part -> its tracks of a class, drawn at random."""
    left = [tracks[place] for place in stream(0, "tracks", of_class).permutation(len(tracks))]
    parts = {}
    for part, (share, fewest, _) in PARTS.items():
        count = max(fewest, round(share * len(tracks)))
        parts[part], left = left[:count], left[count:]
    return parts | {"train": left}


def arranged(archive: Path) -> dict[str, list[Path]]:
    """Part -> the files of its images."""
    files: dict[str, list[Path]] = {part: [] for part in (*PARTS, "train")}
    for folder in sorted((archive / "train").iterdir()):
        tracks: dict[str, list[Path]] = {}
        for file in sorted(folder.iterdir()):
            tracks.setdefault(file.name.partition("_")[0], []).append(file)
        for part, names in parts_of(sorted(tracks), folder.name).items():
            count = PARTS[part][2] if part in PARTS else TRAINING_FRAMES
            files[part] += [file for name in sorted(names) for file in spread(tracks[name], count)]
    known = {digest(file) for file in (archive / "train").glob("*/*")}
    return files | {
        OFFICIAL: [
            file for file in sorted((archive / "test").glob("*/*")) if digest(file) not in known
        ]
    }


def digest(file: Path) -> bytes:
    """A digest of the content of a file."""
    return hashlib.sha256(file.read_bytes()).digest()


if __name__ == "__main__":
    arrange(__doc__, arranged)
