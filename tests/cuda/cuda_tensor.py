"""Tensors of the CPU that say that they are on `cuda:0`; see pretended.py."""

from collections import Counter

import torch
from torch import Tensor

CUDA = torch.device("cuda", 0)
# How often the program would have waited for the device, by what it would have waited for.
waits: Counter[str] = Counter()


class CudaTensor(Tensor):
    """A view of the memory of `host`, a tensor of the CPU, as if it were on `cuda:0`."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: CUDA)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    @staticmethod
    def __new__(cls, host: Tensor) -> "CudaTensor":
        made = Tensor._make_subclass(cls, host, host.requires_grad)
        made.host = host
        return made

    def __deepcopy__(self, memo: dict) -> "CudaTensor":
        if id(self) not in memo:
            copied = CudaTensor(self.host.detach().clone()).requires_grad_(self.requires_grad)
            if isinstance(self, torch.nn.Parameter):
                copied._is_param = True
            memo[id(self)] = copied
        return memo[id(self)]

    def numpy(self, *_, **__):
        raise TypeError(
            "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy it to host "
            "memory first."
        )

    def __array__(self, *_, **__):
        return self.numpy()

    def tolist(self) -> list:
        return self.cpu().tolist()

    def cpu(self) -> Tensor:
        return self.to("cpu")

    def pin_memory(self, *_):
        raise RuntimeError(
            "cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned"
        )

    def to(self, *args, copy: bool = False, **kwargs) -> Tensor:
        device, dtype, _, layout = parsed(args, kwargs)
        if device is not None and device.type == "cpu":
            return _ToHost.apply(self, dtype or self.dtype, layout or torch.preserve_format)
        with torch._C.DisableTorchFunctionSubclass():
            more = {} if layout is None else {"memory_format": layout}
            return Tensor.to(self, dtype or self.dtype, copy=copy, **more)


class _ToHost(torch.autograd.Function):
    @staticmethod
    def forward(context, tensor, dtype, layout):
        waits["copy to host"] += 1
        return tensor.host.detach().to(dtype, copy=True, memory_format=layout)

    @staticmethod
    def backward(context, gradient):
        return to_device(gradient), None, None


def to_device(tensor: Tensor, non_blocking: bool = False) -> CudaTensor:
    if isinstance(tensor, CudaTensor):
        return tensor
    waits["copy to device"] += not non_blocking
    assert not (tensor.requires_grad and torch.is_grad_enabled()), "its gradient would end here"
    return CudaTensor(tensor.detach().clone())


def host(value):
    return value.host if isinstance(value, CudaTensor) else value


def is_internal(tensor: Tensor) -> bool:
    return getattr(tensor, "internal", False)


def parsed(args, kwargs) -> tuple:
    """Device, dtype, non_blocking and memory format that the arguments of `Tensor.to` name, or
    None."""
    if args and isinstance(args[0], Tensor):
        args = (args[0].device, args[0].dtype, *args[1:])
    return torch._C._nn._parse_to(*args, **kwargs)
