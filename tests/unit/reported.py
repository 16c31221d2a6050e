"""Small studies of every kind of members, from files or drawn networks to the text of the report, in one process."""

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from default_study import CONFIG
from drawn_charts import PROVENANCE, described
from member_files import write_members

from resiliency.analysis import exchange_rates
from resiliency.analysis.ceiling import ceiling_table, failures, sizes_of, unit_of, with_best
from resiliency.analysis.choices import best_table, choice_of, chosen_table, halves, pool_of
from resiliency.analysis.coincident_failures import failure_table
from resiliency.analysis.contenders import assessment, comparison, contenders
from resiliency.analysis.deployment import candidate_table, deployment_table
from resiliency.analysis.effective_robustness import robustness_table, skipped_table
from resiliency.analysis.left_out import Resampling
from resiliency.analysis.member_scores import rank_table
from resiliency.analysis.member_tables import member_tables
from resiliency.analysis.observations.correlation import correlation_table, difference_table
from resiliency.analysis.observations.of_study import observations
from resiliency.analysis.origins import origins_or_families, size_table
from resiliency.analysis.verdicts import observation_table
from resiliency.analysis.without_images import EnsembleTables, scores_without_images
from resiliency.base.names import CLEAN, CORRUPTED, design_of
from resiliency.designs.members import Member
from resiliency.diversity.gram import gram
from resiliency.diversity.pairs import pairs_of_groups
from resiliency.diversity.settings import STAGES
from resiliency.ensembles.combination import VOTE, member_weights
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.table import EnsemblesOfStudy
from resiliency.external.descriptions import descriptions
from resiliency.external.predictions import Reader
from resiliency.external.tables import error_rows, read_scores
from resiliency.metrics.resiliency import baseline_errors, counted
from resiliency.prediction.reading import Predictions, Truth, all_conditions, corruption_conditions
from resiliency.report.drawing import draw
from resiliency.report.page import render
from resiliency.report.registry import CHARTS
from resiliency.report.settings import OKABE_ITO
from resiliency.storage.tables import read_table, write_table
from resiliency.study.files import load
from resiliency.study.model import Study
from resiliency.tables import TABLES, made

KINDS = ("network", "logits", "probabilities", "decisions", "scores")
CORRUPTIONS = {"no corruption": [], "one severity": ["fog.3"], "all severities": [f"fog.{s}" for s in range(1, 6)]}
MEMBERS, IMAGES, CLASSES = ("a-s0", "a-s1", "b-s0", "b-s1"), 30, 3
RULES = ["mean_probability"]


class Reported:
    """The stages of a study, called one after the other as the rules call them, and their tables as files give them.

    Args:
        folder: for the files of the study and its tables.
        kind: one of `KINDS`.
        names: corrupted conditions such as fog.3.
        sized: whether parameters and MACs are known.
        further: names of further test sets.
    """

    def __init__(self, folder: Path, kind: str, names: list[str], sized: bool, further: list[str]):
        self.folder, self.kind, self.sized, self.further = folder, kind, sized, further
        self.names = [CLEAN, *names, *further]
        self.labels, logits = drawn()
        self.logits = logits[:, : len(self.names)]
        self.severities = sorted({int(name[-1]) for name in names})
        self.study = self._study()
        self.seed, self.statistics = self.study.seed, self.study.statistics
        self.resampling = Resampling(self.statistics.resamples, self.statistics.confidence, self.seed)
        self.tables: dict[str, pd.DataFrame] = {}

    def _study(self) -> Study:
        """The study as it is read, its files written; of networks, one whose members are never trained."""
        rules = [VOTE] if self.kind == "decisions" else RULES
        changed = {"study": "reported", "joint": None, "search": None, "ensembles": {"sizes": [2], "rules": rules}}
        changed |= {"statistics": {"resamples": 200}}
        if self.kind == "network":
            changed["corruptions"] = {"names": ["fog"], "severities": self.severities}
            return load(CONFIG | changed | {"attribution": {"methods": ["saliency"], "similarities": ["cosine"]}})
        external = {self.kind: write_members(self.folder, self.kind, self.names, MEMBERS, self.labels, self.logits)}
        if self.sized:
            sizes = {"parameters": [5e5, 5e5, 2e7, 1e9], "macs": [7e6, 7e6, 7.6e9, 2e12]}
            pd.DataFrame({"member": MEMBERS} | sizes).to_csv(self.folder / "about.csv", index=False)
            external["members"] = str(self.folder / "about.csv")
        members = {"designs": [], "baseline": MEMBERS[0]}
        return load(CONFIG | changed | {"dataset": None, "members": members, "external": external})

    def page(self, drawn: bool) -> str:
        """The report as HTML, after all stages that the study has.

        Args:
            drawn: whether charts are drawn; else only their findings are there.
        """
        self._read_members()
        self._score_members()
        if "ensembles" in self.made:
            self._score_ensembles()
        if "deployment" in self.made:
            self._deploy()
        if "ensembles" in self.made:
            self._bound()
        if "effective_robustness" in self.made:
            self._keep(effective_robustness=robustness_table(self.tables["members"], None))
        self._observe()
        return self._page(drawn)

    def _keep(self, **tables: pd.DataFrame) -> None:
        """Write tables of the study, and read them again as later stages do."""
        for name, table in tables.items():
            path = self.folder / f"{name}.{'parquet' if name == 'ensembles' else 'csv'}"
            write_table(path, table)
            self.tables[name] = read_table(path)

    def _read_members(self) -> None:
        """Conditions, descriptions and predictions of all members, and which tables the study has."""
        self.contents, self.outside = self.study.contents(), []
        images, classes = dict.fromkeys([CLEAN, *self.further], IMAGES), CLASSES
        if self.kind == "network":
            kinds, test_sets, corruptions = {}, self.further, self.study.corruptions.names
            self.members = [self._network(member) for member in MEMBERS]
            arrays = dict.fromkeys(MEMBERS)
            for index, member in enumerate(MEMBERS):
                ends = len(self.names) - len(self.further)
                arrays[member] = {CLEAN: self.logits[index, :ends].astype(np.float16)}
                arrays[member] |= {n: self.logits[index, [ends + i]] for i, n in enumerate(self.further)}
            severities = self.study.corruptions.severities
        else:
            kinds, test_sets, corruptions = self.contents.kinds, self.contents.test_sets, self.contents.corruptions
            severities = self.contents.severities
            self.members = descriptions(self.study.described_elsewhere(), kinds, None)
            [source] = self.contents.sources
            layout = self.contents.layout(source)
            if self.kind == "scores":
                images, classes = dict.fromkeys(images, 0), 0
                self.outside = [error_rows(read_scores(source.file), layout, {}, {})]
                arrays = {}
            else:
                reader = Reader(self.kind, source.file, layout, None)
                classes = reader.classes(source.members)
                arrays = {member: dict(reader.read(member, classes)) for member in source.members}
        assert test_sets == self.further
        self.kinds = kinds
        self.conditions = all_conditions(corruptions, severities, images, dict.fromkeys(images, max(classes, 2)))
        truths = dict.fromkeys(images, Truth(self.labels))
        self.predictions = {m: Predictions(self.conditions, of, truths) for m, of in arrays.items()}
        has = {
            "ensembles": len(self.predictions) >= 2,
            "images": True,
            "networks": self.kind == "network",
            "probabilities": self.kind in ("network", "logits", "probabilities"),
            "corruptions": bool(corruptions),
            "robustness": bool(corruptions),
            "shifts": bool(corruptions) or bool(test_sets),
        }
        self.has = {name for name, present in has.items() if present}
        self.made = made(self.has)

    def _network(self, member: str) -> Member:
        """A network that might have been trained here."""
        size = 1e6 * (1 + MEMBERS.index(member) // 2)
        described = {"origin": "independent", "design": design_of(member), "family": design_of(member)}
        described |= {
            "parameters": size,
            "macs": 40 * size,
            "validation_accuracy": 0.9,
            "weights_source": "trained here",
        }
        return Member(member, **described)

    def _representation(self, member: str, source: str) -> np.ndarray:
        """Drawn maps, features and stages of a member."""
        random = np.random.default_rng(MEMBERS.index(member))
        if source in STAGES:
            return gram(random.standard_normal((IMAGES, 5)))
        return random.standard_normal((IMAGES, 4) if source == "features" else (IMAGES, 4, 4))

    def _score_members(self) -> None:
        tables = member_tables(
            self.members, self.conditions, self.predictions, self.outside, {}, MEMBERS[0], self.resampling
        )
        self._keep(members=tables.members, corruption_errors=tables.errors)
        if "calibration" in self.made:
            self._keep(calibration=tables.calibration)

    def _score_ensembles(self) -> None:
        networks = list(MEMBERS) if self.kind == "network" else []
        metrics = self.study.attribution.metrics()
        groups = [list(MEMBERS)]
        self.pairs = pd.concat(pairs_of_groups(groups, self.predictions, networks, self._representation, metrics))
        members, settings = self.tables["members"], (self.study.ensembles, self.statistics.confidence, self.seed)
        baseline = baseline_errors(
            self.tables["corruption_errors"], MEMBERS[0], counted(list(corruption_conditions(self.conditions)))
        )
        of_study = EnsemblesOfStudy(members, self.predictions, lambda: [self.pairs], baseline, *settings).tables()
        self.image_errors, ensembles = of_study.image_errors, of_study.ensembles
        self._keep(ensembles=ensembles)
        correlated = ensembles, of_study.by_corruption, self.pairs[["kind", "metric"]].drop_duplicates()
        self._keep(correlations=correlation_table(*correlated, self.statistics.confidence))
        if "correlation_differences" in self.made:
            self._keep(correlation_differences=difference_table(*correlated, self.statistics.confidence))
        failures = [~np.stack([m.correct(c) for m in self.predictions.values()]) for c in range(len(self.conditions))]
        designs = list(map(design_of, MEMBERS))
        self._keep(
            coincident_failures=failure_table(failures, designs, self.conditions, self.resampling),
            origins=origins_or_families(ensembles, members, self.statistics.confidence),
            ensemble_sizes=size_table(ensembles, members, self.statistics.confidence),
            best_ensembles=best_table(
                members,
                ensembles[ensembles["rule"] == self.study.ensembles.main_rule],
                list(self.conditions["test_set"].unique()),
            ),
        )

    def _bound(self) -> None:
        members, scored = pool_of(self.tables["members"], self.predictions, self.study.ensembles)
        chosen, judged = halves(self.labels, self.seed)
        of_rule = self.tables["ensembles"][self.tables["ensembles"]["rule"] == scored.rule]
        confidence = self.statistics.confidence
        choice = choice_of(members, of_rule, scored, 3, chosen)
        self._keep(chosen_ensembles=chosen_table(choice, confidence))
        sizes, units = sizes_of(len(members)), unit_of(list(members.design))
        of_conditions = (
            failures(
                np.stack([m.decisions(c) for m in scored.predictions]), scored.predictions[0].labels(c), sizes, units
            )
            for c in range(len(self.conditions))
        )
        table, everyone = ceiling_table(self.conditions, of_conditions, sizes, len(members), confidence)
        choices = {CLEAN: self.tables["chosen_ensembles"]}
        if "candidates" in self.tables:
            candidates = self.tables["candidates"]
            choices[CORRUPTED] = candidates.assign(selection_accuracy=1 - candidates["selection_error"])
        table = with_best(table, everyone, choices, list(members.member), scored, judged, confidence)
        self._keep(ceiling=table.assign(confidence=confidence))
        wrong = (~np.stack([m.correct(c) for m in self.predictions.values()]) for c in range(len(self.conditions)))
        self._keep(member_ranks=rank_table(list(self.predictions), self.conditions, wrong, self.resampling))

    def _deploy(self) -> None:
        members, ensembles = self.tables["members"], self.tables["ensembles"]
        rule = self.study.ensembles.main_rule
        scored = EnsembleErrors(list(self.predictions.values()), member_weights(members), rule)
        chosen, judged = halves(self.labels, self.seed)
        candidates = candidate_table(members, ensembles[ensembles["rule"] == rule], scored, 3, chosen)
        deployment = deployment_table(candidates, members, scored, chosen, judged, MEMBERS[0], self.resampling)
        self._keep(deployment=deployment, candidates=candidates)
        assessed = assessment(self.tables["deployment"], members, self.predictions, {}, self.resampling)
        compared = comparison(contenders(self.tables["deployment"]), members, self.predictions, self.resampling)
        self._keep(
            selective_prediction=assessed.selective,
            temperatures=assessed.temperatures,
            thresholds=assessed.thresholds,
            risk_coverage=assessed.curves,
            contenders=compared.under_corruptions,
            contender_calibration=compared.calibration,
        )

    def _observe(self) -> None:
        rule = self.study.ensembles.main_rule
        settings = rule, None, self.study.attribution.target
        members, tables, of_ensembles = self.tables["members"], None, None
        if "ensembles" in self.made:
            networks = list(MEMBERS) if self.kind == "network" else []
            without_images = scores_without_images(
                self.tables["ensembles"],
                members,
                self.predictions,
                networks,
                self._representation,
                rule,
                self.study.attribution.methods,
                IMAGES,
                self.seed,
            )
            metrics = self.pairs[["kind", "metric"]].drop_duplicates()
            tables = EnsembleTables(self.tables["ensembles"], self.image_errors, without_images, metrics)
            of_ensembles = EnsembleTables(self.tables["ensembles"], self.image_errors, without_images)
        if "exchange_rates" in self.made:
            rates = exchange_rates.exchange_rates(members, of_ensembles, IMAGES, rule, self.statistics.confidence)
            self._keep(exchange_rates=rates)
        observed = observations(members, int(self.conditions.images.iloc[0]), tables, *settings)
        left_out_of_files = self.contents.left_out if self.contents else {}
        lacking = [name for name in TABLES if name not in self.made]
        self._keep(
            observations=observation_table(observed, self.statistics.confidence),
            skipped=skipped_table(members, {}, {}, self.kinds, left_out_of_files, lacking, [], self.conditions, 0),
        )

    def _page(self, drawn: bool) -> str:
        charts = [name for name, chart in CHARTS.items() if chart.needs <= self.tables.keys() | self.has]
        tables = defaultdict(pd.DataFrame, self.tables)
        specs = {name: draw(name, tables, OKABE_ITO) if drawn else described(name, tables) for name in charts}
        study = self.study.model_dump(mode="json", exclude={"ensemble"})
        return render(study, None, {}, PROVENANCE, self.tables, specs, dict.fromkeys(specs, "<svg/>"))


@cache
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Labels int64 N, and logits float32 M x 8 x N x K under the most conditions that a study here has."""
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % CLASSES
    logits = random.standard_normal((len(MEMBERS), 8, IMAGES, CLASSES)).astype(np.float32)
    logits[..., np.arange(IMAGES), labels] += 1.5
    return labels, logits
