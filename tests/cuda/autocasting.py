"""What autocasting on CUDA does to the arguments of torch's functions, by the lists in PyTorch's documentation."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map
from waiting import names

LOW = names(
    "__matmul__ __rmatmul__ addbmm addmm addmv baddbmm bmm chain_matmul conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d einsum linear matmul mm mv prelu scaled_dot_product_attention"
)
FLOAT32 = names(
    "__pow__ __rdiv__ __rpow__ acos asin binary_cross_entropy_with_logits cdist cosh cosine_embedding_loss "
    "cosine_similarity cross_entropy_loss cumprod cumsum dist erfinv exp expm1 group_norm hinge_embedding_loss kl_div "
    "l1_loss layer_norm log log10 log1p log2 log_softmax logsumexp margin_ranking_loss mse_loss multi_margin_loss "
    "multilabel_margin_loss nll_loss norm normalize poisson_nll_loss pow prod reciprocal rsqrt sinh smooth_l1_loss "
    "soft_margin_loss softmax softmin softplus sum renorm tan triplet_margin_loss"
)
WIDEST = names("addcdiv addcmul atan2 bilinear cat cross dot grid_sample index_put scatter_add stack tensordot")


class Autocasting:
    """Casts tensors of the type `kind`; weights once within a context of autocasting, as torch does."""

    def __init__(self, kind: type[Tensor]):
        self.kind = kind
        self.weights: dict[int, tuple[Tensor, Tensor]] = {}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Forget the cast weights wherever a context of autocasting ends."""
        leave = torch.autocast.__exit__

        def left(context, *error):
            self.weights.clear()
            return leave(context, *error)

        with mock.patch.object(torch.autocast, "__exit__", left):
            yield

    def cast(self, func, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        name = getattr(func, "__name__", "")
        if name in LOW:
            dtype = torch.get_autocast_dtype("cuda")
        elif name in FLOAT32 or (name in WIDEST and self._types(args, kwargs) > 1):
            dtype = torch.float32
        else:
            return args, kwargs
        return tree_map(lambda one: self._cast(one, dtype), (args, kwargs))

    def _types(self, args: tuple, kwargs: dict) -> int:
        leaves = tree_leaves((args, kwargs))
        return len({one.dtype for one in leaves if isinstance(one, self.kind) and one.is_floating_point()})

    def _cast(self, value, dtype: torch.dtype):
        if not isinstance(value, self.kind) or value.dtype in (dtype, torch.float64) or not value.is_floating_point():
            return value
        if dtype == torch.float32 or not (value.is_leaf and value.requires_grad):
            return value.to(dtype)
        if id(value) not in self.weights:
            self.weights[id(value)] = value, value.to(dtype)
        return self.weights[id(value)][1]
