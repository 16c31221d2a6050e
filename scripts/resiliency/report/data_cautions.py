"""What the reader should beware of in the images of the data set."""

from resiliency.data.near_duplicates import worth_telling
from resiliency.report import words


def data_cautions(card: dict | None) -> list[str]:
    """A sentence if splits hold almost the same images.

    Args:
        card: of the data set; None where there is none.
    """
    images = {split: of["images"] for split, of in card["splits"].items()} if card else {}
    alike = (card or {}).get("near_duplicates", {})
    told = [
        f"{count:,} of {words.plural(images[split], f'{split} image')}"
        for split, count in alike.items()
        if worth_telling(count, images[split])
    ]
    if not told:
        return []
    return [
        f"{' and '.join(told)} look almost like an image of their class in another split, as frames of one film do: "
        "accuracies may be too high. Keep such images together (`dataset.groups`)."
    ]
