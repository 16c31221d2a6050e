"""Weights on the hub that timm publishes its own on."""

from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_OFFLINE
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from resiliency.base.faults import Fault
from resiliency.data.download import cache_folder

PATIENCE = 5  # seconds that the hub has to answer
NAMES = ("model.safetensors", "pytorch_model.bin")


def download_weights(repository: str, revision: str | None) -> tuple[str, str | None]:
    """The file with the weights in `repository` at `revision` (a commit or tag; None: the newest), and its commit.

    A file that somebody put into `manual_folder` comes first; of it no commit is known. Others are kept in the cache in
    HF_HOME, where they are found without a network too.

    Raises:
        Fault: there is no such repository, revision or file, or there is no network and none is in the cache.
    """
    if by_hand := _by_hand(repository):
        return str(by_hand[0]), None
    reasons: list[Exception] = []
    for name in NAMES:
        unreachable = any(isinstance(reason, LocalEntryNotFoundError) for reason in reasons)
        try:
            path = hf_hub_download(repository, name, revision=revision, local_files_only=unreachable)
        except EntryNotFoundError as error:
            reasons.append(error)
        except Exception as error:
            reasons.append(error)
            break
        else:
            return path, Path(path).parent.name
    source = repository + (f"@{revision}" if revision else "")
    raise Fault(
        f"weights: {source}: not downloaded ({_root_cause(reasons[0])}); without a network, put its {NAMES[0]} "
        f"into {manual_folder(repository)}, or set HF_HOME to a cache that holds it"
    ) from reasons[0]


def is_available(repository: str) -> bool:
    """Whether the weights in `repository` are on this machine, or could be downloaded now."""
    if _by_hand(repository) or any(isinstance(try_to_load_from_cache(repository, name), str) for name in NAMES):
        return True
    if HF_HUB_OFFLINE:
        return False
    try:
        get_hf_file_metadata(hf_hub_url(repository, NAMES[0]), timeout=PATIENCE)
    except Exception:  # of the network, of which there are many
        return False
    return True


def _by_hand(repository: str) -> list[Path]:
    return [path for path in (manual_folder(repository) / name for name in NAMES) if path.is_file()]


def manual_folder(repository: str) -> Path:
    """The folder for a file with the weights in `repository` that is fetched by hand."""
    return cache_folder() / "hub" / repository.rpartition("/")[2]


def _root_cause(error: BaseException) -> str:
    """The first line of what `error` was caused by in the first place."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
