"""A CUDA device that is not there, for tests: tensors of the CPU that say that they are on
`cuda:0`.

    with pretended_cuda() as waits:
        ...  # torch.cuda.is_available() is true in here
    waits  # what the program would have waited for

Such a tensor refuses what one of CUDA refuses: to become a NumPy array, to meet tensors of the CPU
(but for numbers, and indices), to be filled by a generator of the CPU. It computes by the CPU's
kernels, so that values are right, but in the CPU's rounding. What it does not have: streams, a
compiler, memory of its own or pinned, kernels that differ from run to run.

How it works: `_Functions` sees each call of torch's Python functions and makes those that name a
CUDA device, or move a tensor to one, which a torch without CUDA refuses before it dispatches.
`_Operations` sees every operation that reaches a kernel, those of backward passes included, checks
on which device its tensors are, and runs it on the CPU.
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from types import SimpleNamespace
from unittest import mock

import torch
from cuda_tensor import CUDA, CudaTensor, host, is_internal, parsed, to_device, waits
from torch import Tensor
from torch.nn.utils import clip_grad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from resiliency.designs import device as devices

NAME = "pretended CUDA device"
MEMORY = 80 * 2**30
GROUP = "_group_tensors_by_device_and_dtype"

# Operations that may meet tensors of both devices, and those that refuse even a single number of
# the CPU.
MOVING = (
    "_to_copy",
    "copy_",
    "copy",
    "index",
    "index_put",
    "index_put_",
    "_index_put_impl_",
    "_local_scalar_dense",
)
STRICT = (
    "cat",
    "stack",
    "mm",
    "bmm",
    "addmm",
    "convolution",
    "index_select",
    "gather",
    "scatter",
    "embedding",
)
# Made of other operations in general, but a single one on CUDA, where it does not look at its
# values.
WHOLE = ("_to_copy", "one_hot")


# The program waits for their values.
WAITING = (
    "_local_scalar_dense",
    "_unique2",
    "equal",
    "is_nonzero",
    "masked_select",
    "nonzero",
    "unique",
)


class _Functions(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.making = 0  # calls in progress of functions that make tensors out of none

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (Tensor.to, Tensor.cuda) and not isinstance(args[0], CudaTensor):
            return self._moved(func, args, kwargs)
        tensors = _tensors_in((args, kwargs))
        device = kwargs.get("device")
        if (
            device is not None
            and func is not torch._C._nn._parse_to
            and torch.device(device).type == "cuda"
        ):
            if func in (torch.tensor, torch.as_tensor, torch.asarray):
                return to_device(func(*args, **kwargs | {"device": "cpu"}))
            if not tensors:
                _check_generator(kwargs.get("generator"), func.__name__)
                with self:
                    made = func(*args, **kwargs | {"device": "cpu"})
                return CudaTensor(made)
        self.making += not tensors
        try:
            return func(*args, **kwargs)
        finally:
            self.making -= not tensors

    def _moved(self, func, args, kwargs) -> Tensor:
        """What `Tensor.to` and `Tensor.cuda` give of a tensor of the CPU."""
        tensor, *others = args
        if func is Tensor.cuda:
            return to_device(tensor)
        kwargs = dict(kwargs)
        copy = kwargs.pop("copy", False)
        device, dtype, non_blocking, layout = parsed(others, kwargs)
        if device is None or device.type != "cuda":
            return func(*args, **kwargs, copy=copy)
        if dtype is not None or layout is not None:
            tensor = tensor.to(dtype or tensor.dtype, memory_format=layout or torch.preserve_format)
        return to_device(tensor, non_blocking)


class _Operations(TorchDispatchMode):
    def __init__(self, functions: _Functions):
        super().__init__()
        self.functions = functions

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name, device = func.overloadpacket.__name__, kwargs.get("device")
        tensors = _tensors_in((args, kwargs))
        on_gpu = [one for one in tensors if isinstance(one, CudaTensor)]
        on_host = [one for one in tensors if not isinstance(one, CudaTensor)]
        named = device is not None and torch.device(device).type == "cuda"
        if not on_gpu and not named:
            return self._on_host(func(*args, **kwargs), on_host)
        if _is_composite(func):
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        _check_generator(kwargs.get("generator"), name)
        if on_gpu and on_host:
            _check_devices(name, args[0], on_host)
        if named:
            kwargs = kwargs | {"device": torch.device("cpu")}
        hosts, host_kwargs = _mapped(host, (args, kwargs))
        out = func(*hosts, **host_kwargs)
        waits[name] += _waits_for(name, hosts, bool(on_gpu and on_host))
        wrapped = {id(one.host): one for one in on_gpu} | {id(one): one for one in on_host}

        def on_device(one):
            if not isinstance(one, Tensor):
                return one
            return wrapped[id(one)] if id(one) in wrapped else CudaTensor(one)

        return _mapped(on_device, out)

    def _on_host(self, out, sources: list[Tensor]):
        """`out`, of the CPU, marked where compiled code made it for its own use, which on CUDA
        would be there.

        Compiled code makes tensors where it finds others to be, and takes those of this module for
        the CPU's.
        """
        internal = (
            all(is_internal(one) for one in sources) if sources else not self.functions.making
        )
        if internal and isinstance(out, Tensor):
            out.internal = True
        return out


OF_CUDA = {
    "is_available": lambda: True,
    "is_bf16_supported": lambda *_, **__: True,
    "_lazy_init": lambda: None,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "get_device_name": lambda *_: NAME,
    "mem_get_info": lambda *_: (MEMORY, MEMORY),
    "manual_seed_all": lambda seed: None,
    "synchronize": lambda *_: waits.update(["synchronize"]),
}
# A torch for CUDA knows its kind of device, and asks a driver for one where it pins memory or takes
# a step.
OF_ACCELERATOR = {
    "is_available": lambda: True,
    "current_device_index": lambda: 0,
    "set_device_index": lambda device: None,
    "current_stream": lambda *_: SimpleNamespace(is_capturing=lambda: False),
}


@contextmanager
def pretended_cuda() -> Iterator[Counter[str]]:
    """The device, within a `with` block, one at a time; how often the program would have waited for
    it, by for what."""
    waits.clear()
    functions = _Functions()
    with (
        preserved_settings(),
        mock.patch.multiple(torch.cuda, **OF_CUDA),
        mock.patch.multiple(torch.accelerator, **OF_ACCELERATOR),
        mock.patch.object(Tensor, "pin_memory", lambda tensor, *_: tensor.clone()),
        # Casts are those on a CPU; and no generator of the device ever draws.
        mock.patch.multiple(
            torch,
            compile=lambda function, mode: function,
            load=_loading(torch.load),
            save=_saving(torch.save),
            autocast=partial(_on_cpu, torch.autocast),
            Generator=partial(_on_cpu, torch.Generator),
        ),
        # What gathers tensors for multi-tensor kernels looks at types and devices in C++.
        mock.patch.object(torch._C, GROUP, _grouping(getattr(torch._C, GROUP))),
        mock.patch.object(clip_grad, "_has_foreach_support", return_value=True),
        # A module that moves takes new parameters; the memory of the old ones cannot become another
        # device's.
        mock.patch.object(torch.__future__, "_overwrite_module_params_on_conversion", True),
        _Operations(functions),
        functions,
    ):
        yield waits


@contextmanager
def preserved_settings() -> Iterator[None]:
    """What the library sets for a CUDA device ends as it was, for other code of the process that
    has none."""
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    reduced, precision = (
        cuda.matmul.allow_bf16_reduced_precision_reduction,
        torch.get_float32_matmul_precision(),
    )
    attention = [
        cuda.flash_sdp_enabled(),
        cuda.mem_efficient_sdp_enabled(),
        cuda.cudnn_sdp_enabled(),
    ]
    show = warnings.showwarning
    with mock.patch.dict(os.environ), cudnn.flags(enabled=cudnn.enabled):
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = fill
            cuda.matmul.allow_bf16_reduced_precision_reduction = reduced
            torch.set_float32_matmul_precision(precision)
            setters = cuda.enable_flash_sdp, cuda.enable_mem_efficient_sdp, cuda.enable_cudnn_sdp
            for enable, enabled in zip(setters, attention, strict=True):
                enable(enabled)
            warnings.showwarning = show


# Small operations would take longer in torch's trees, which know more containers, than on the CPU.
def _tensors_in(value: object) -> list[Tensor]:
    """The tensors among arguments, in the lists, tuples and dictionaries that operations take."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return []
    return [tensor for one in value for tensor in _tensors_in(one)]


def _mapped(function: Callable[[object], object], value: object) -> object:
    """Arguments with what a function makes of each value in them that is no list, tuple or
    dictionary."""
    if isinstance(value, list | tuple):
        return type(value)(_mapped(function, one) for one in value)
    if isinstance(value, dict):
        return {name: _mapped(function, one) for name, one in value.items()}
    return function(value)


@cache
def _is_composite(func: torch._ops.OpOverload) -> bool:
    """Whether an operation is made of others on CUDA too."""
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(
        func.name(), "CompositeImplicitAutograd"
    )
    return composite and func.overloadpacket.__name__ not in WHOLE


def _waits_for(name: str, args: tuple, mixed: bool) -> bool:
    """Whether a program waits for an operation on `args`, which may be `mixed`: of both devices."""
    if "index" in name:
        return mixed or any(one.dtype == torch.bool for one in _tensors_in(args[1:2]))
    return name in WAITING or (name in ("copy_", "_to_copy") and mixed)


def _on_cpu(kind: type, device: object = None, *arguments, **options) -> object:
    return kind("cpu", *arguments, **options)


def _grouping(group):
    def grouped(lists, *more):
        return {
            (CUDA if isinstance(tensors[0], CudaTensor) else device, dtype): (
                [tensors, *others],
                indices,
            )
            for (device, dtype), ([tensors, *others], indices) in group(lists, *more).items()
        }

    return grouped


def _loading(load):
    def loaded(file, map_location=None, **more):
        state = load(file, map_location="cpu", **more)
        if map_location is None or torch.device(map_location).type == "cpu":
            return state
        return tree_map(lambda one: to_device(one) if isinstance(one, Tensor) else one, state)

    return loaded


def _saving(save):
    def saved(state, file, **more):
        return save(
            tree_map(lambda one: host(one).detach() if isinstance(one, Tensor) else one, state),
            file,
            **more,
        )

    return saved


def _check_generator(generator: torch.Generator | None, name: str) -> None:
    if generator is not None and generator.device.type != "cuda":
        raise RuntimeError(
            f"{name}: Expected a 'cuda' device type for generator but found "
            f"'{generator.device.type}'"
        )


def _check_devices(name: str, first: object, on_host: list[Tensor]) -> None:
    """Refuse an operation on tensors of both devices."""
    first_on_host = (
        isinstance(first, Tensor) and not isinstance(first, CudaTensor) and not is_internal(first)
    )
    if name in MOVING:
        if "index" in name and first_on_host:
            raise RuntimeError(
                f"{name}: indices should be either on cpu or on the same device as the indexed "
                "tensor"
            )
        return
    larger = [tuple(one.shape) for one in on_host if one.ndim and not is_internal(one)]
    if larger or name in STRICT or (name.endswith("_") and first_on_host):
        raise RuntimeError(
            f"{name}: Expected all tensors to be on the same device, but found at least two "
            "devices, cuda:0 and cpu! "
            f"(shapes on the CPU: {larger or 'a number'})"
        )


def cuda_device() -> AbstractContextManager:
    """Within it, networks are on a CUDA device: a real one, or else the pretended one."""
    return nullcontext() if torch.cuda.is_available() else pretended_cuda()


@contextmanager
def no_gpu() -> Iterator[None]:
    """Within it there is no device but the CPU, without bfloat16."""
    with (
        mock.patch.object(torch.cuda, "is_available", return_value=False),
        mock.patch.multiple(devices, visible_gpus=list, bfloat16_in_hardware=lambda: False),
    ):
        yield
