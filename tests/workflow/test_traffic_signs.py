"""The traffic-sign study in its tiny version, on images in tracks that are drawn here."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

REPOSITORY = Path(__file__).parents[2]
STUDIES = [REPOSITORY / f"studies/traffic_signs{name}.yaml" for name in ("", "_tiny")]
CLASSES, TRACKS, FRAMES, TEST = 4, 5, 6, 5


def draw_signs(folder: Path) -> None:
    """Signs of a class share colour and corners; frames of a track share place and background."""
    random = np.random.default_rng(0)
    for name in range(CLASSES):
        colour = tuple(int(value) for value in 255 * np.eye(3)[name % 3])
        for split, tracks, frames in (("train", TRACKS, FRAMES), ("test", TEST, 1)):
            (folder / split / f"{name:05}").mkdir(parents=True)
            for track in range(tracks):
                background, (x, y) = random.integers(40, 200), random.integers(12, 20, 2).tolist()
                for frame in range(frames):
                    pixels = random.normal(background, 12, (32, 32, 3)).clip(0, 255).astype(np.uint8)
                    image = Image.fromarray(pixels)
                    ImageDraw.Draw(image).regular_polygon((x, y, 8 + frame % 3), 3 + name, fill=colour)
                    image.save(folder / split / f"{name:05}" / f"{track:05}_{frame:05}.png")


@pytest.fixture(scope="module")
def tables(snakemake, tmp_path_factory) -> Path:
    """Tables of the tiny study, of its independent members."""
    directory = tmp_path_factory.mktemp("signs")
    draw_signs(directory / "signs")
    data = "dataset={name: image_folder, folder: signs, image_size: 32, groups: <track>_*}"
    made = Path("results/traffic_signs_tiny/tables")
    options = ["--cores", "2", "--directory", str(directory), "--config", data, "joint=", "search=", "costs="]
    run = snakemake([str(made / "observations.csv"), *options, "--configfile", *map(str, STUDIES)], REPOSITORY)
    assert run.returncode == 0, run.stdout
    return directory / made


def test_six_designs_become_members(tables):
    members = pd.read_csv(tables / "members.csv")
    assert (members.design.nunique(), members.family.nunique(), len(members)) == (6, 3, 9)


def test_the_observations_are_looked_at(tables):
    observations = pd.read_csv(tables / "observations.csv").groupby("observation").first()
    assert observations.index.tolist() == ["1a", "1b", "2", "3", "4"]
    assert set(observations.verdict) == {"not tested"}
    assert observations.missing_requirements.str.startswith("needs").all()


def test_spatter_is_held_out_of_the_corrupted_error(tables):
    errors = pd.read_csv(tables / "corruption_errors.csv").query("corruption not in ('clean', 'spatter')")
    members = pd.read_csv(tables / "members.csv", index_col="member")
    means = errors.groupby("member")["error"].mean()
    np.testing.assert_allclose(members["corrupted_error"], means[members.index], atol=1e-6)
