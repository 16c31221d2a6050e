# What jobs of several rules have in common: resources, logs and parameters.
import json
import os
from functools import cache
from math import inf

from resiliency.base import names
from resiliency.data.folder import folders_read, image_states, published_states
from resiliency.base.machine import visible_gpus
from resiliency.study.stage import BEGUN
from resiliency.study.fingerprint import factory_code, fingerprint
from resiliency.study.plan import DAY, minutes

DECODERS = 7 if STUDY.data.on_the_fly else 0
# Threads of a job that computes with networks: one for them, and where a GPU waits for images those
# to decode.
DECODING = 1 + (DECODERS if RUN.elsewhere or visible_gpus() else 0)
MINUTES = minutes(STUDY)
# Megabytes of a process that computes with networks, and of its decoders.
NETWORK_MEMORY = 8000 + 2000 * DECODERS


def needing(megabytes, minutes, most=inf, **others):
    """Resources of a job, which grow with each attempt at it, run time up to `most` minutes; others
    do not grow."""
    memory = lambda wildcards, attempt: megabytes * attempt
    return {
        "mem_mb": memory,
        "runtime": lambda wildcards, attempt: min(minutes * attempt, most),
    } | others


@cache
def code(script, *files, designs=(), loads_networks=False):
    """The fingerprint of a script with all modules of the library that it imports, and of other
    files that it uses there.

    The script's own comes first, then one with the files and what they import, then those of the
    factories of `designs`, whose networks it makes. A script that loads networks does so by the
    name in `member.json`, so that the module of those that the search finds counts too.
    """
    found = ["search/network.py"] if loads_networks and STUDY.search else []
    path, further = SCRIPTS / f"{script}.py", [LIBRARY / file for file in (*files, *found)]
    factories = [
        factory for factory in (STUDY.designs[design].factory for design in designs) if factory
    ]
    with_files = [fingerprint(path, *further, root=LIBRARY.parent)] if further else []
    own = [fingerprint(path, root=LIBRARY.parent), *with_files]
    return "".join([*own, *(factory_code(factory, Path.cwd()) for factory in factories)])


def as_it_is(text):
    """A parameter whose text, one or a list, may hold braces: elsewhere Snakemake takes these for
    wildcards."""
    return lambda wildcards: text


def images_of_data_set(wildcards):
    """A parameter: the images of the data set in the folders that the study reads."""
    return image_states(*folders_read(STUDY.data.name, Path(STUDY.data.folder), STUDY.splits))


def images_in(folder):
    """A parameter: the images in `folder`, if there is one."""
    return lambda wildcards: image_states(Path(folder)) if folder else ""


def published_set():
    """Parameters of a published set: what it is of, where it is, and what it holds of a
    corruption."""
    folder, severities = STUDY.corruptions.folder, STUDY.corruptions.severities
    content = lambda wildcards: published_states(Path(folder), wildcards.corruption, severities)
    return {"dataset": STUDY.data.name, "folder": folder, "content": content}


def grouping(wildcards):
    """What says which images of a test set belong together, and how the test set is read."""
    name = grouped_name(wildcards)
    if name == CLEAN:
        groups, named = STUDY.data.test_groups, STUDY.data.named_groups
        read = {
            "seed": STUDY.seed,
            "dataset": STUDY.data.resolved().model_dump(),
            "splits": STUDY.splits,
        }
        read["fewest"] = (
            names.FEWEST_IMAGES if {"ensembles", "images"} <= PLAN.has else names.FEWEST_UNITS
        )
    else:
        groups, named = STUDY.test_sets[name].groups, STUDY.test_sets[name].named_groups
        read = {
            "folder": STUDY.test_sets[name].folder,
            "side": STUDY.data.side,
            "margin": STUDY.data.margin,
        }
        read["fewest"] = names.FEWEST_UNITS
    return read | {"name": name, "groups": groups, "named": named}


def described(design, seed, **others):
    """What is known of a member of `design` before it is made; fields of
    `resiliency.designs.members.Member`."""
    known = STUDY.designs[design]
    description = {
        "origin": names.INDEPENDENT,
        "design": design,
        "family": known.family_name,
        "seed": int(seed),
    }
    recipe = {"recipe": known.recipe} if known.recipe else {}
    return STUDY.description(design) | description | recipe | others


def described_jointly(wildcards):
    """What is known of the members of one joint training before they are made."""
    objective, loss_weight = STUDY.joint_settings()[wildcards.setting]
    own = {
        "origin": names.JOINT,
        "setting": wildcards.setting,
        "objective": objective,
        "loss_weight": loss_weight,
    }
    return [
        described(design, wildcards.seed, **own, index=index)
        for index, design in enumerate(STUDY.joint.designs)
    ]
