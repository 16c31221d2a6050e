"""Times the scoring of ensembles against loops over them, in the same run, and checks the memory
that it takes.

Run by hand: python tests/benchmarks/ensembles.py [--members 24] [--severities 5] [--repeats 3]
             python tests/benchmarks/ensembles.py --paper-size [--images 5000] [--keep NAME]
All ensembles of 2 to 5 members are scored under all conditions on 1,000 images of 10 classes with
synthetic logits, by both default rules, with all metrics of pairs and of ensembles, on one thread.
Every baseline gets a few hundred ensembles under one condition, drawn at random over sizes; its CPU
time for an ensemble and condition is compared with ours, in turn with it, several times. (a) the
loop: for each ensemble NumPy over its members' arrays at once: both rules, calibration, all metrics
of whole ensembles, and all metrics of pairs, pair by pair. Softmax and classes are computed once
beforehand. (b) the pairwise loop: for each ensemble and each pair of its members, the metrics of
pairs alone, each from the two vectors of answers, as public tools write it; against our matrices of
pairs and means over them. The results of the loop are compared with ours. The last line is JSON:
lowest, median and highest `ratio_loop` and `ratio_pairwise`, and `peak_memory_gib`. --paper-size:
20 members x 76 conditions x 50,000 images x 1,000 classes, with the synthetic logits of
imagenet_logits.py: of clean images, of corrupted ones, and of members that share nothing, the
hardest case. Pairs are compared on so many images of one condition, whose logits are on disk; all
ensembles are scored on 2,000; judging is that of judging.py; the rest is extrapolated. In turn with
them, some ensembles are scored in float32 by NumPy, one at a time over all classes, with softmax,
logarithms and votes of the members computed beforehand. On one thread, in CPU seconds, and with
freed memory kept, as in jobs. `--keep` adds the hours (of one clean and 75 corrupted conditions;
`independent`: 76 of members that share nothing), the ratios, the largest difference to float64 and
the machine to paper_size_rows.json, and writes all of them into docs/results/imagenet_costs.md.
"""

import json
import tempfile
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import judging
import numpy as np
import pandas as pd
from ensembles_by_loops import largest_difference, loop, one_at_a_time, pairwise_loop
from imagenet_logits import CLASSES, DRAWS, member_logits
from shared import RESULTS, beside, options, peak_memory, put, table, timed, write_rows

from resiliency.base.machine import keep_freed_memory, machine
from resiliency.base.names import CLEAN
from resiliency.base.streams import stream
from resiliency.corruptions.settings import MAIN
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS, pair_tables
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import score_condition
from resiliency.ensembles.table import Pool
from resiliency.metrics.classification import softmax
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.storage import appending, read_array

PAGE, KEPT = RESULTS / "imagenet_costs.md", beside(__file__, "paper_size_rows.json")
BEFORE_TABLE, AFTER_TABLE = "machines differ.\n\n", "\n*float64*"
SIZES = (2, 3, 4, 5)
RULES = ["mean_probability", "plurality_vote"]


def synthetic(
    members: int, count: int, n_images: int, classes: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Logits float16 C x N x K of each member, right on about 80 % of the images, and labels."""
    random = stream(0, "benchmark")
    labels = random.integers(0, classes, n_images)
    shared = random.standard_normal((count, n_images, classes), dtype=np.float32)
    logits = []
    for _ in range(members):
        values = shared + random.standard_normal((count, n_images, classes), dtype=np.float32)
        values[:, np.arange(n_images), labels] += 4
        logits.append(values.astype(np.float16))
    return logits, labels


def member_table(members: int) -> pd.DataFrame:
    designs = [f"d{index // 3}" for index in range(members)]
    names = [f"{design}-s{index % 3}" for index, design in enumerate(designs)]
    same = {
        "family": "f",
        "parameters": 1,
        "macs": 1,
        "clean_accuracy": 0.8,
        "corrupted_error": 0.2,
    }
    return pd.DataFrame({"member": names, "design": designs, **same, "validation_accuracy": 0.8})


def agree(
    table: pd.DataFrame, sample: list[np.ndarray], names: np.ndarray, expected_scores: list[dict]
) -> None:
    """Fail unless the loop and the table say the same of the clean images."""
    rows = table.set_index(["rule", "members"])
    of_scores = {
        "accuracy": "clean_accuracy",
        "nll": "clean_nll",
        "brier": "clean_brier",
        "ece": "clean_ece",
    }
    for chosen, expected in zip(sample, expected_scores, strict=True):
        row = rows.loc[("mean_probability", "+".join(names[chosen]))]
        vote = rows.loc[("plurality_vote", "+".join(names[chosen]))]
        np.testing.assert_allclose(vote.clean_accuracy, expected.pop("vote_accuracy"), atol=1e-9)
        for name, value in expected.items():
            if name in of_scores:
                ours = row[of_scores[name]]
            elif name in ENSEMBLE_METRICS:
                ours = row[f"{name}_clean_raw"]
            else:
                value, ours = METRICS[name].diversity(value), row[f"{name}_clean"]
            np.testing.assert_allclose(
                ours, value, atol=2e-3 if name == "ece" else 1e-5, err_msg=name
            )


def compare(members: int, severities: int, repeats: int, sample_size: int) -> None:
    """Print the times of all sides and the last line."""
    images, classes = 1000, 10
    table = all_conditions(
        list(MAIN), list(range(1, severities + 1)), {CLEAN: images}, {CLEAN: classes}
    )
    logits, labels = synthetic(members, len(table), images, classes)
    member_rows = member_table(members)
    names = member_rows.member.to_numpy()
    groups = [ensembles_of(members, size) for size in SIZES]
    total = sum(map(len, groups)) * len(table)
    predictions = [Predictions(table, {CLEAN: member}, {CLEAN: Truth(labels)}) for member in logits]
    random = stream(0, "sample")
    every = np.concatenate(
        [np.pad(g, ((0, 0), (0, max(SIZES) - g.shape[1])), constant_values=-1) for g in groups]
    )
    sample = [row[row >= 0] for row in every[random.choice(len(every), sample_size, replace=False)]]
    p = softmax(np.stack([member[0] for member in logits]))
    answers = np.stack([member[0].argmax(axis=1) for member in logits])
    correct = answers == labels
    # Compiles.
    score_condition(predictions, 0, [group[:1] for group in groups], RULES)
    print(
        f"{sum(map(len, groups)):,} ensembles of {members} members, {len(table)} conditions; "
        "microseconds of each:"
    )
    of_loops, of_pairs = [], []
    for _ in range(repeats):
        pairs, matrices = timed(
            lambda: list(pair_tables(list(names), predictions, lambda source: [], []))
        )
        pool = Pool(member_rows, predictions, pairs, np.full(len(MAIN), 0.5), 0.95)
        expected, loops = timed(lambda: [loop(e, p, answers, correct, labels) for e in sample])
        (scored, _), ours = timed(lambda pool=pool: pool.score(groups, RULES))
        _, pair_loops = timed(lambda: [pairwise_loop(e, p, answers, correct) for e in sample])
        _, means = timed(lambda pool=pool: list(map(pool._described, groups)))
        agree(scored, sample, names, expected)
        everything, alone = (matrices + ours) / total, (matrices + means) / total
        of_loops.append(loops / sample_size / everything)
        of_pairs.append(pair_loops / sample_size / alone)
        print(f"all {1e6 * everything:.2f}, by a loop {1e6 * loops / sample_size:.0f}, ", end="")
        print(
            f"pairs alone {1e6 * alone:.3f}, by a loop {1e6 * pair_loops / sample_size:.0f}",
            flush=True,
        )
    ratios = {"ratio_loop": of_loops, "ratio_pairwise": of_pairs}
    figures = {
        name: [round(float(ratio)) for ratio in sorted(values)] for name, values in ratios.items()
    }
    print(json.dumps(figures | {"peak_memory_gib": round(peak_memory(), 2)}))


def clean_predictions(arrays: list[np.ndarray], labels: np.ndarray) -> list[Predictions]:
    """Predictions of clean images from logits 1 x N x K of each member."""
    table = all_conditions([], [], {CLEAN: len(labels)}, {CLEAN: arrays[0].shape[-1]})
    return [Predictions(table, {CLEAN: array}, {CLEAN: Truth(labels)}) for array in arrays]


def paper_size(
    compared: int, members: int = 20, count: int = 76, n_images: int = 50_000, some: int = 2000
) -> dict:
    """Score all ensembles on some of the images; the hours that all would take, and how often one
    at a time."""
    groups = [ensembles_of(members, size) for size in SIZES]
    total = sum(map(len, groups))
    of_pairs = _pairs_from_disk(members, compared, groups) * n_images / compared
    hours, differences, ratios = {}, [], []
    keep_freed_memory()
    print(
        f"one condition of {count}: pairs {of_pairs:.1f} s; {total:,} ensembles on {some:,} "
        "images, three times:"
    )
    for kind in DRAWS:
        logits, labels = member_logits(kind, members, some)
        right = np.mean([values.argmax(axis=1) == labels for values in logits])
        sure = np.mean([softmax(values).max(axis=1).mean() for values in logits])
        alike = np.mean(
            [np.mean(a.argmax(axis=1) == b.argmax(axis=1)) for a, b in pairwise(logits)]
        )
        predictions = clean_predictions([values[None] for values in logits], labels)
        times = []
        for _ in range(3):
            scored, seconds = timed(partial(score_condition, predictions, 0, groups, RULES))
            times.append(seconds)
            if kind == "corrupted":
                ratios.append(
                    total * one_at_a_time(np.stack(logits), labels, groups, 3) / times[-1]
                )
        differences.append(largest_difference(scored, logits, labels, groups))
        hours[kind] = [seconds * n_images / some / 3600 for seconds in times]
        least, most = (1e9 * seconds / total / some for seconds in (min(times), max(times)))
        print(
            f"{kind}: accuracy {right:.1%}, mean largest probability {sure:.2f}, two answer alike "
            f"{alike:.1%};"
            f" {least:.0f} to {most:.0f} ns each and image, largest difference "
            f"{differences[-1]:.1e}"
        )
    of_all = np.sort(hours["clean"]) + (count - 1) * np.sort(hours["corrupted"])
    figures = {"pairs": of_pairs * count / 3600, "ensembles": list(of_all)}
    figures |= {"judging": judging.whole(1000, CLASSES) * count / judging.CONDITIONS / 3600}
    figures |= {
        "independent": count * float(np.median(hours["independent"])),
        "ratios": sorted(ratios),
    }
    figures |= {"difference": max(differences), "memory": peak_memory(), "machine": machine()}
    print(json.dumps(figures))
    return figures


def keep(name: str, figures: dict) -> None:
    """Add the figures of `paper_size` to those that are kept, under a name, and write all of them
    into the page."""
    rows = json.loads(KEPT.read_text()) if KEPT.exists() else []
    write_rows(KEPT, [*rows, {"code": name} | figures])
    put(PAGE, BEFORE_TABLE, f"{paper_size_table()}\n", AFTER_TABLE)


def paper_size_table() -> str:
    rows = [
        [
            "code",
            "machine",
            "pairs, h",
            "ensembles, h",
            "judging, h",
            "times one at a time",
            "float64",
        ]
    ]
    for row in json.loads(KEPT.read_text()):
        of_all, ratios = (sorted(row[name]) for name in ("ensembles", "ratios"))
        rows.append([row["code"], row["machine"], f"{row['pairs']:.2f}"])
        rows[-1].append(f"{median(of_all):.2f} ({of_all[0]:.2f}–{of_all[-1]:.2f})")
        rows[-1] += [
            f"{row['judging']:.2f}",
            f"{median(ratios):.0f} ({ratios[0]:.0f}–{ratios[-1]:.0f})",
        ]
        rows[-1].append(f"{row['difference']:.0e}")
    return table(rows, left=2)


def _pairs_from_disk(members: int, n_images: int, groups: list[np.ndarray]) -> float:
    """Seconds that all pairs take on images from disk; some ensembles are scored, for the memory of
    all images."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        paths, labels = [Path(folder, f"{member}.npy") for member in range(members)], []
        files = [
            stack.enter_context(appending(path, (1, n_images, CLASSES), np.float16))
            for path in paths
        ]
        for start in range(0, n_images, 1000):
            logits, of_part = member_logits("corrupted", members, 1000, start)
            labels.append(of_part)
            for append, values in zip(files, logits, strict=True):
                append(values)
        stack.close()
        predictions = clean_predictions(
            [read_array(path) for path in paths], np.concatenate(labels)
        )
        score_condition(predictions, 0, [group[:2] for group in groups], RULES)
        names = list(map(str, range(members)))
        return timed(lambda: list(pair_tables(names, predictions, lambda source: [], [])))[1]


def main() -> None:
    parser = options(
        __doc__, "paper-size", members=24, severities=5, repeats=3, sample=300, images=5000
    )
    parser.add_argument("--keep", metavar="NAME")
    arguments = parser.parse_args()
    if arguments.paper_size:
        figures = paper_size(arguments.images)
        if arguments.keep:
            keep(arguments.keep, figures)
    else:
        compare(arguments.members, arguments.severities, arguments.repeats, arguments.sample)


if __name__ == "__main__":
    main()
