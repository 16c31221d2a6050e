"""The training loop, of one network or of several jointly: random changes of images, steps, and
what resumes it.

Images change one by one as they are read, or as whole batches on the device."""

import hashlib
import io
import json
import math
import signal
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from timm.utils import ModelEmaV3
from torch import Tensor, nn

from resiliency.base.faults import Fault, Progress
from resiliency.base.settings import Keys
from resiliency.base.streams import derived_seed, stream
from resiliency.data.loading import Read, batches, in_order
from resiliency.data.pictures import INTERPOLATIONS, FileImages, View, images_in_views
from resiliency.data.source import Images
from resiliency.designs.device import compiled, device_name, inference, layer_precision
from resiliency.designs.layers import with_right_gradients
from resiliency.designs.networks import normalised
from resiliency.storage import replacing
from resiliency.training.optimizer import learning_rate, make_optimizer, set_learning_rate
from resiliency.training.settings import Recipe


class LabelledImages(NamedTuple):
    """N images with their labels, int64 N."""

    images: Images
    labels: np.ndarray


class Preprocessing(NamedTuple):
    """Preprocessing of images: a view, number of decoding workers, and normalisation by mean and
    std per channel.

    Without mean and std, what comes are features, float Bx1x1xD, and stays as it is.
    """

    mean: list[float] | None
    std: list[float] | None
    workers: int = 0
    view: View | None = None

    def normalised(self, images: Tensor) -> Tensor:
        """Images uint8 BxHxWx3 -> float32 Bx3xHxW."""
        return (
            images
            if self.mean is None or self.std is None
            else normalised(images, self.mean, self.std)
        )

    def in_view(self, images: Images, indices: np.ndarray) -> np.ndarray:
        """The images at `indices`, uint8 BxHxWx3."""
        return images_in_views(images, indices, [self.view])[0]


Loss = Callable[[list[nn.Module], Tensor, Tensor], Tensor]
Row = dict[str, float]

ASPECTS = (3 / 4, 4 / 3)
ATTEMPTS = 10


def training_reader(
    images: Images, recipe: Recipe, seed: int, epoch: int, view: View | None = None
) -> Read | None:
    """A function that reads the training images at some indices, if they change one by one; else
    None.

    Files are cropped at random; all images go through TrivialAugment (Müller and Hutter 2021) or
    AugMix (Hendrycks et al. 2020) if the recipe says so. An image changes in the same way in any
    batch, and differently in each epoch.

    Args:
        view: size and interpolation of image files; by default the study's size, and bilinear.
    """
    if recipe.augment == "none" and not isinstance(images, FileImages):
        return None
    return partial(_read, images, recipe, seed, epoch, view)


def shifted(images: Tensor, largest: int, random: torch.Generator) -> Tensor:
    """Each image moved by its own whole number of pixels up to `largest` along each axis; edges are
    repeated.

    Args:
        images: BxHxWx3, of any dtype.
    """
    count, height, width, _ = images.shape
    dy, dx = torch.randint(-largest, largest + 1, (2, count, 1), generator=random).to(images.device)
    rows = (torch.arange(height, device=images.device) + dy).clamp(0, height - 1)
    left, right = (
        edge.expand(-1, -1, largest, -1) for edge in (images[:, :, :1], images[:, :, -1:])
    )
    # Copied row by row, not pixel by pixel.
    windows = torch.cat([left, images, right], 2).unfold(2, width, 1).mT
    positions = torch.arange(count, device=images.device)[:, None]
    return windows[positions, rows, dx + largest]


def flipped(images: Tensor, random: torch.Generator) -> Tensor:
    """Each image (BxHxWx3) mirrored left to right with probability one half."""
    mirrored = (
        torch.randint(0, 2, (len(images), 1, 1, 1), generator=random).bool().to(images.device)
    )
    return torch.where(mirrored, images.flip(2), images)


def mixup(
    images: Tensor, labels: Tensor, classes: int, alpha: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): each image mixed with another one of the batch, by one share from
    Beta(alpha, alpha).

    Args:
        images: float Bx3xHxW.
        labels: int64 B.

    Returns:
        Mixed images, and float BxK: the shares of the K classes in each.
    """
    random = stream(seed, "mixup")
    share = random.beta(alpha, alpha)
    others = torch.from_numpy(random.permutation(len(images))).to(images.device)
    shares = F.one_hot(labels, classes).to(images.dtype)
    mixed, shares_of_mixed = (
        share * values + (1 - share) * values[others] for values in (images, shares)
    )
    return mixed, shares_of_mixed


def random_crop(
    image: Image.Image,
    size: int,
    smallest: float,
    random: np.random.Generator,
    interpolation: str = "bilinear",
) -> np.ndarray:
    """A random part of `image`, resized to uint8 `size`x`size`x3 (Szegedy et al. 2015).

    Its area is a share of the image's between `smallest` and 1, its aspect ratio between 3/4 and
    4/3 (uniform in the logarithm). Where ten attempts give none that fits, it is the largest
    central part within these ratios.
    """
    width, height = image.size
    for _ in range(ATTEMPTS):
        area = width * height * random.uniform(smallest, 1)
        aspect = math.exp(random.uniform(*map(math.log, ASPECTS)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = (
                int(random.integers(rest, endpoint=True)) for rest in (width - w, height - h)
            )
            break
    else:
        w, h = min(width, round(height * ASPECTS[1])), min(height, round(width / ASPECTS[0]))
        left, top = (width - w) // 2, (height - h) // 2
    box = (left, top, left + w, top + h)
    return np.asarray(image.resize((size, size), INTERPOLATIONS[interpolation], box=box))


def _read(
    images: Images, recipe: Recipe, seed: int, epoch: int, view: View | None, indices: np.ndarray
) -> np.ndarray:
    augmented = []
    for index in map(int, indices):
        if isinstance(images, FileImages):
            random = stream(seed, "crop", epoch, index)
            size, _, interpolation, _ = view or View(images.size, images.margin)
            image = random_crop(
                images.decoded(index), size, recipe.smallest_crop, random, interpolation
            )
        else:
            image = images[index]
        if recipe.augment != "none":
            from torchvision.transforms import v2  # takes long to load

            change = v2.TrivialAugmentWide() if recipe.augment == "trivial" else v2.AugMix()
            # From which torchvision draws.
            torch.manual_seed(derived_seed(seed, "augment", epoch, index))
            image = np.asarray(change(Image.fromarray(image)))
        augmented.append(image)
    return np.stack(augmented)


def accuracies(
    networks: list[nn.Module], data: LabelledImages, preprocessing: Preprocessing
) -> list[float]:
    """Share of the images that each of `networks` labels right; leaves them in evaluation mode.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    device = next(networks[0].parameters()).device
    labels = torch.from_numpy(np.array(data.labels)).to(device)
    order = in_order(len(labels), 256)
    correct = torch.zeros(len(networks), dtype=torch.int64)
    for network in networks:
        network.eval()
    with inference():
        read = partial(preprocessing.in_view, data.images)
        loaded = batches(data.images, order, device, preprocessing.workers, read)
        for images, truth in zip(loaded, labels.split(256), strict=True):
            images = preprocessing.normalised(images)
            logits = torch.stack([network(images) for network in networks])
            if not torch.isfinite(logits).all():
                raise Fault(
                    "validation logits contain NaN or infinity; lower learning_rate, set "
                    "gradient_clip or check weights"
                )
            correct += (logits.argmax(-1) == truth).sum(1).cpu()
    return (correct / len(labels)).tolist()


PAUSE = 60


class Checkpoint:
    """The one checkpoint of a training job, at `path`.

    Within a `with` block the signal SIGTERM, by which SLURM announces the end of a job's time, ends
    the process only after the next `save`, which is due at once.

    Args:
        settings: all that determines the weights; training does not resume from a checkpoint of
            other settings.

    Attributes:
        devices: names of the devices of all runs so far, in order; the last one is that of this
            process.
    """

    def __init__(self, path: str | Path, settings: Keys):
        self.path = Path(path)
        self.key = hashlib.sha256(
            json.dumps([settings, torch.__version__], sort_keys=True).encode()
        ).hexdigest()
        self.devices = [device_name()]
        self.saved = time.monotonic()
        self.end_requested = False

    def __enter__(self) -> "Checkpoint":
        self.previous = signal.signal(signal.SIGTERM, self._request_end)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGTERM, self.previous)

    def _request_end(self, *_) -> None:
        self.end_requested = True

    def load(self) -> Keys | None:
        """The last saved state under these settings, on the CPU; None if there is none, or it
        cannot be read.

        If it was saved on another device, the log says so, and `devices` lists both.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            print(f"{self.path}: cannot be read ({type(error).__name__}); training from scratch")
            return None
        if not isinstance(state, dict) or state.get("key") != self.key:
            print(f"{self.path}: checkpoint has different settings; training from scratch")
            return None
        (here,), earlier = self.devices, state["devices"]
        if earlier[-1] != here:
            print(
                f"{self.path}: saved on {earlier[-1]}, resuming on {here}; results will match "
                "neither device exactly"
            )
        self.devices = earlier if earlier[-1] == here else [*earlier, here]
        return state

    def due(self) -> bool:
        """Whether so much time has passed since the last save that another is worth it, or the
        process is to end."""
        return self.end_requested or time.monotonic() - self.saved >= PAUSE

    def save(self, state: Keys) -> None:
        """Save `state` in place of the last one.

        Raises:
            Fault: the file system refuses, as a full disk does.
            SystemExit: the process was asked to end.
        """
        # Torch itself tells of a full disk in a way that looks like a fault of the program.
        content = io.BytesIO()
        torch.save(state | {"key": self.key, "devices": self.devices}, content)
        with replacing(self.path) as temporary:
            temporary.write_bytes(content.getbuffer())
        self.saved = time.monotonic()
        if self.end_requested:
            raise SystemExit(f"interrupted; run again to resume from {self.path}")


# Below this a loss diverges: no objective with a lower bound reaches it.
LOWEST_LOSS = -100
RESIDENT_SHARE = 0.25


class Trainer:
    """Trains networks, all on one device, on the same batches.

    Every step draws from streams of its own, so that training resumes from a checkpoint as if never
    interrupted.

    Args:
        networks: M networks; trained in place.
        loss: (networks, normalised images float Bx3xHxW, labels) -> scalar; labels are int64 B, or
            float BxK if the recipe mixes images.
        classes: number of classes, K.
        seed: seed of the order and augmentation of the training images, and of dropout.
        same_steps: whether loss and networks do the same work in every step, apart from values and
            torch's random numbers; on a GPU they are then compiled.
        body: parameters with a learning rate of their own; see `make_optimizer`.

    Layers whose parameters are all frozen (`requires_grad` is False) stay in evaluation mode.
    """

    def __init__(
        self,
        networks: list[nn.Module],
        loss: Loss,
        recipe: Recipe,
        preprocessing: Preprocessing,
        classes: int,
        seed: int,
        same_steps: bool = False,
        body: Collection[nn.Parameter] = (),
    ):
        self.networks = [with_right_gradients(network) for network in networks]
        self.recipe, self.preprocessing = recipe, preprocessing
        self.classes, self.seed = classes, seed
        self.device = next(networks[0].parameters()).device
        self.loss = compiled(loss, self.device) if same_steps else loss
        self.optimizer = make_optimizer(networks, recipe, body)
        self.whole = nn.ModuleList(self.networks)
        modules = [module for module in self.whole.modules() if [*module.parameters()]]
        self.frozen = [
            module for module in modules if not any(p.requires_grad for p in module.parameters())
        ]
        self.averages = (
            [ModelEmaV3(network, recipe.ema) for network in networks] if recipe.ema else []
        )
        self.averaged = nn.ModuleList(average.module for average in self.averages)
        self.precision = layer_precision(recipe.precision, networks, self.device)
        # For each kind of GPU, torch.manual_seed formats a traceback, in milliseconds, even if
        # there is none.
        self.seed_torch = (
            torch.manual_seed if self.device.type == "cuda" else torch.default_generator.manual_seed
        )

    def train(
        self,
        training: LabelledImages,
        validation: LabelledImages,
        checkpoint: Checkpoint | None = None,
    ) -> list[Row]:
        """Train for the epochs of the recipe; the networks end with their averaged weights where it
        averages.

        Returns:
            A row per epoch: epoch, learning_rate, training_loss and validation_accuracy (mean of
            the networks).

        Raises:
            Fault: an epoch holds no whole batch, a file cannot be decoded, or the loss is not
                finite or diverges.
        """
        count, recipe = len(training.labels), self.recipe
        steps = count // recipe.batch_size
        if not steps:
            raise Fault(
                f"training.batch_size: {recipe.batch_size} is more than the {count} training images"
            )
        labels = torch.from_numpy(np.array(training.labels)).to(self.device)
        training = training._replace(images=self._resident(training.images))
        history, done, total = self._resume(checkpoint)
        progress = Progress(recipe.epochs - done // steps)
        for epoch in range(done // steps, recipe.epochs):
            self.whole.train()
            for module in self.frozen:
                module.eval()
            for step, images, indices in self._batches(training.images, count, epoch, done % steps):
                total += self._step(
                    images, labels[indices.to(self.device)], epoch * steps + step, steps
                )
                done += 1
                if done % steps:
                    self._save(checkpoint, history, done, total)
            history.append(self._history_row(epoch, steps, total.item() / steps, validation))
            progress.step(
                "training loss {training_loss:.4f}, validation accuracy "
                "{validation_accuracy:.4f}".format(**history[-1])
            )
            total = torch.zeros((), device=self.device)
            self._save(checkpoint, history, done, total)
        for network, averaged in zip(self.networks, self.averaged, strict=False):
            network.load_state_dict(averaged.state_dict())
        return history

    def _resident(self, images: Images) -> Images | Tensor:
        """A stored dataset on the device, where that is a GPU that it leaves most of free."""
        if (
            self.device.type != "cuda"
            or not isinstance(images, np.ndarray)
            or self.recipe.augment != "none"
        ):
            return images
        if images.nbytes > RESIDENT_SHARE * torch.cuda.mem_get_info(self.device)[0]:
            return images
        return torch.from_numpy(np.array(images)).to(self.device)

    def _batches(
        self, images: Images | Tensor, count: int, epoch: int, first: int
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Step, images uint8 BxHxWx3 and their indices, from the step `first` of an epoch on."""
        size = self.recipe.batch_size
        random = torch.Generator().manual_seed(derived_seed(self.seed, "order", epoch))
        order = torch.randperm(count, generator=random)[: count // size * size].view(-1, size)
        read = training_reader(images, self.recipe, self.seed, epoch, self.preprocessing.view)
        loaded = batches(
            images, list(order[first:].numpy()), self.device, self.preprocessing.workers, read
        )
        for step, (indices, batch) in enumerate(
            zip(order[first:], loaded, strict=True), start=first
        ):
            yield step, batch, indices

    def _step(self, images: Tensor, labels: Tensor, step: int, steps: int) -> Tensor:
        """One step of the optimizer; the loss before it.

        Raises:
            Fault: memory does not hold the batch.
        """
        seed = derived_seed(self.seed, "step", step)
        random = torch.Generator().manual_seed(seed)
        self.seed_torch(seed)
        images = shifted(images, self.recipe.shift, random)
        if self.recipe.flip:
            images = flipped(images, random)
        images = self.preprocessing.normalised(images)
        if self.recipe.mixup:
            images, labels = mixup(images, labels, self.classes, self.recipe.mixup, seed)
        set_learning_rate(self.optimizer, learning_rate(self.recipe, step, steps))
        self.optimizer.zero_grad()
        try:
            with torch.autocast(
                self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
            ):
                loss = self.loss(self.networks, images, labels)
            loss.backward()
            if self.recipe.gradient_clip:
                nn.utils.clip_grad_norm_(self.whole.parameters(), self.recipe.gradient_clip)
            self.optimizer.step()
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(
                error
            ):
                raise
            message = f"training.batch_size: a batch of {len(images)} does not fit into memory"
            raise Fault(f"{message}; lower it, or run fewer jobs at once") from error
        for network, average in zip(self.networks, self.averages, strict=False):
            average.update(network, step + 1)  # which begins with the weights after the first step
        return loss.detach()

    def _history_row(
        self, epoch: int, steps: int, mean_loss: float, validation: LabelledImages
    ) -> Row:
        if not np.isfinite(mean_loss):
            raise Fault(
                f"epoch {epoch + 1}: training loss is {mean_loss}; lower learning_rate or set "
                "gradient_clip"
            )
        if mean_loss < LOWEST_LOSS:
            raise Fault(
                f"epoch {epoch + 1}: training loss diverged ({mean_loss:.3g}); reduce lambda"
            )
        networks = [*self.averaged] or self.networks
        return {
            "epoch": epoch + 1,
            "learning_rate": learning_rate(self.recipe, epoch * steps, steps),
            "training_loss": mean_loss,
            "validation_accuracy": float(
                np.mean(accuracies(networks, validation, self.preprocessing))
            ),
        }

    def _save(
        self, checkpoint: Checkpoint | None, history: list[Row], done: int, total: Tensor
    ) -> None:
        """Save where training stands, if it is time to: epochs done, steps done, and loss summed up
        since."""
        if checkpoint and checkpoint.due():
            checkpoint.save(
                {
                    "history": history,
                    "done": done,
                    "total": total,
                    "optimizer": self.optimizer.state_dict(),
                    "networks": self.whole.state_dict(),
                    "averages": self.averaged.state_dict(),
                }
            )

    def _resume(self, checkpoint: Checkpoint | None) -> tuple[list[Row], int, Tensor]:
        """History, steps done and loss summed up in the unfinished epoch: of the checkpoint, or of
        a new beginning."""
        state = checkpoint.load() if checkpoint else None
        if state is None:
            return [], 0, torch.zeros((), device=self.device)
        self.optimizer.load_state_dict(state["optimizer"])
        self.whole.load_state_dict(state["networks"])
        self.averaged.load_state_dict(state["averages"])
        print(f"resuming at step {state['done']:,} (epoch {len(state['history']) + 1})")
        return state["history"], state["done"], state["total"].to(self.device)
