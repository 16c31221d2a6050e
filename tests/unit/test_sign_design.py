"""The page of the traffic-sign study's design shows what its rows and its study file hold."""

import json

import sign_design
import sign_pilots
import sign_power
from sign_pilots import STUDY


def test_the_page_shows_the_rows():
    assert sign_design.PAGE.read_text(encoding="utf-8") == sign_design.page()
    assert json.loads(sign_design.SUMMARY.read_text()) == sign_design.summary()
    power, accuracy = sign_design.summary()
    assert "Simulated power is 84% to 100%" in power
    assert power.endswith("In this run, 40% of the variance of size and 81% of that of accuracy do.")
    assert f"| all | {' '.join(accuracy.split()[8:11])} |" in sign_design.page()


def test_families_have_three_widths_and_many_a_second_seed():
    families = sign_pilots.families_of(STUDY)
    assert len(families) >= 24
    assert {len(designs) for designs in families.values()} <= {3, 4}
    second = [{design for design in of if STUDY.members.seed_count(design) > 1} for of in families.values()]
    assert sum(map(bool, second)) >= 12
    assert max(map(len, second)) == 1


def test_all_designs_share_one_recipe():
    recipes = [STUDY.recipe(design) for design in STUDY.members.designs]
    assert all(recipe == recipes[0] for recipe in recipes)


def test_every_design_was_timed():
    times = json.loads(sign_pilots.ROWS.read_text())["times"]
    assert {row["design"] for row in times} >= {*STUDY.members.designs, STUDY.search.design}


def test_the_simulated_pool_is_the_study():
    pool, power = sign_power.pool(), json.loads(sign_power.ROWS.read_text())
    assert sum(pool.families) + pool.doubled == len(STUDY.independent_members())
    assert {row["observation"] for row in power} == {1, 2, 3, 4}
    assert [row["verdict"] for row in power] == [verdict for *_, verdict, _ in sign_power.situations()]


def test_a_job_that_resumed_counts_with_all_its_steps(tmp_path):
    for name, resumed in (("vit_m-s0", ""), ("vit_m-s1", "resuming at step 1,500 (epoch 3)\n")):
        (tmp_path / f"members/{name}").mkdir(parents=True)
        (tmp_path / f"members/{name}/member.json").write_text('{"training_cost": {"steps": 2000}}')
        (tmp_path / "logs/train").mkdir(parents=True, exist_ok=True)
        log = f"{resumed}CPU seconds: start-up and imports 5.00, total 105.00\n"
        (tmp_path / f"logs/train/{name}.log").write_text(log)
    (tmp_path / "logs/train/vit_s-s0.log").write_text("[1/4, 9 s left]\n")
    expected = [{"member": "vit_m-s0", "seconds": 105}, {"member": "vit_m-s1", "seconds": 405}]
    assert sign_design.measured(tmp_path) == expected
    designs = {*STUDY.members.designs, *STUDY.joint.designs, STUDY.search.design}
    times = {design: {"training_ms": 1.0, "prediction_ms": 0.2} for design in designs}
    text = sign_design._measured(expected, times)
    assert "trained 2 of" in text
    estimate = sign_design.STARTING + 1e-3 * sign_design._images() * STUDY.training.epochs
    assert f"({105 / estimate:.2f} to {405 / estimate:.2f} times, by member)" in text
