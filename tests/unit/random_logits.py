"""Random logits, and what objectives need beside them."""

import torch

from resiliency.training.objectives import OBJECTIVES


def random_case(members: int = 3, images: int = 5, classes: int = 4, seed: int = 0):
    """Logits, of images that the members are differently sure of, and labels."""
    random = torch.Generator().manual_seed(seed)
    sureness = 10 ** torch.linspace(-1, 1, images)[:, None]
    logits = sureness * torch.randn(members, images, classes, generator=random)
    return logits, torch.randint(classes, (images,), generator=random)


def random_needed(name: str, members: int = 3, images: int = 5, seed: int = 0):
    """Input gradients of one shape, or features of different widths, where the objective needs them."""
    random = torch.Generator().manual_seed(seed)
    if OBJECTIVES[name].needs == "features":
        return [torch.randn(images, 3 + member, generator=random) for member in range(members)]
    if OBJECTIVES[name].needs == "input_gradients":
        return [torch.randn(images, 3, 4, 4, generator=random) for _ in range(members)]
    return None


def value_and_gradients(loss, logits, labels, loss_weight, needed=None):
    leaf, leaves = logits.clone().requires_grad_(), [one.clone().requires_grad_() for one in needed or []]
    value = loss(leaf, labels, loss_weight, leaves or None)
    value.backward()
    return value.detach(), leaf.grad, [one.grad for one in leaves]
