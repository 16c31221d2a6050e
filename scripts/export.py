"""Export an ensemble of deployment.csv: programs for torch and onnxruntime, a script that runs them and a card."""

import platform
from pathlib import Path

import numpy as np

from resiliency.data.images import images_at, read_images
from resiliency.data.split import stratified
from resiliency.designs.networks import read_member
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.outputs import Ensemble
from resiliency.export.card import model_card
from resiliency.export.checking import MOST, agreement, timed
from resiliency.export.choice import chosen
from resiliency.export.loading import temperature_of
from resiliency.export.module import Deployable
from resiliency.export.programs import RUNTIMES, write_programs
from resiliency.files import read_array, read_json, replacing, write_json
from resiliency.predictions import read_predictions
from resiliency.provenance import commit, processor
from resiliency.stage import stage
from resiliency.tables import read_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    row = chosen(read_table(inputs.deployment), read_json(inputs.choice)["number"])
    names = row.members.split("+")
    print(f"number {row.number} of deployment.csv: {row.members}, combined by {row['rule']}")
    folders = {Path(path).parent.name: Path(path).parent for path in inputs.weights}
    every = read_table(inputs.members)
    members = every.set_index("member", drop=False).loc[names]
    weights = member_weights(members)
    temperatures, selective = (
        table[table.members == row.members] for table in map(read_table, (inputs.temperatures, inputs.selective))
    )
    temperature = temperature_of(temperatures, row.members)

    images = read_images(inputs.images)
    networks = [(network.cpu(), member) for network, member in map(read_member, map(folders.get, names))]
    ensemble = Deployable(networks, list(weights), row["rule"], temperature.value).eval()
    labels = read_array(inputs.labels)
    some = stratified(labels, min(len(labels), MOST), params.seed, "export")
    pixels = np.asarray(images_at(images, some)[:])
    predictions = read_predictions(
        read_table(inputs.conditions),
        inputs.all_labels,
        [path for path in inputs.logits if Path(path).parent.name in names],
    )
    study = Ensemble([predictions[name] for name in names], weights, row["rule"])
    with replacing(outputs.torch) as torch_path, replacing(outputs.onnx) as onnx_path:
        write_programs(ensemble, pixels.shape[1], torch_path, onnx_path)
        paths = {"ensemble.pt2": torch_path, "ensemble.onnx": onnx_path}
        checks = {
            name: agreement(RUNTIMES[name].runner(path, 1), name, pixels, some, study, temperature.value)
            for name, path in paths.items()
        }
        for name, check in checks.items():
            print(f"{name}: {check.compared} of {check.images} images answered as scored")
        times = timed(ensemble, paths, pixels[:1], sorted({1, snakemake.threads}))

    card = read_json(inputs.card)
    about = {"members": names, "rule": row["rule"], "temperature": temperature.value, "classes": card["classes"]}
    write_json(outputs.about, about | {"side": pixels.shape[1], "margin": params.margin})
    with replacing(outputs.model) as temporary:
        temporary.write_bytes(Path(params.model).read_bytes())
    text = model_card(
        row,
        members,
        study=params.study,
        ensemble=params.ensemble,
        card=card,
        side=pixels.shape[1],
        temperature=temperature,
        corruptions=params.corruptions,
        calibration=temperatures.to_dict("records"),
        selective=selective.to_dict("records"),
        times=times,
        checks=checks,
        machine=f"{processor()}, {platform.system()}",
        commit=commit(Path(params.model).parent),
        seed=params.seed,
        python=platform.python_version(),
        command=params.command,
    )
    with replacing(outputs.readme) as temporary:
        temporary.write_text(text, encoding="utf-8")
