"""What other packages add, loaded and tried on a small batch before the first job."""

import io
from contextlib import redirect_stdout
from importlib import import_module

from resiliency.base.extensions import KINDS, extensions, load, offered, refused
from resiliency.base.names import extension_fault
from resiliency.report.metric_labels import METRICS

REGISTRIES = {
    "corruptions": "resiliency.corruptions.engine",
    "metrics": "resiliency.diversity.metrics",
    "charts": "resiliency.report.registry",
}


def check_extensions(side: int, table: str) -> None:
    """Refuse an extension that cannot be used.

    Args:
        side: pixels of a side of the study's images.
        table: the figures of its severities.

    Raises:
        Fault: one line, which names the extension, its package and the fault.
    """
    kinds = [kind for kind in KINDS if offered(kind)]
    for kind in kinds:
        check_names(kind)
    for kind in kinds:
        import_module(REGISTRIES[kind])
        for name in extensions(kind):
            with redirect_stdout(io.StringIO()):  # what Snakemake prints may be read by programs
                fault = _fault(kind, name, side, table)
            if fault:
                raise refused(kind, name, fault)


def check_names(kind: str) -> None:
    """Refuse names that tables and files cannot have, or that two packages use.

    Raises:
        Fault: one line, which names the extension and its package.
    """
    metrics = [*METRICS, *extensions("metrics")]
    for entry in offered(kind):
        if fault := extension_fault(kind, entry.name, metrics):
            raise refused(kind, entry.name, fault)
        if entry != extensions(kind)[entry.name]:
            raise refused(kind, entry.name, f"{entry.value} has this name too; remove one of the packages")


def _fault(kind: str, name: str, side: int, table: str) -> str:
    """What keeps an extension that was loaded from being used; empty if nothing does."""
    from resiliency.study.extension_faults import chart_fault, corruption_fault, metric_fault

    if kind == "corruptions":
        return corruption_fault(name, side, table)
    return (metric_fault if kind == "metrics" else chart_fault)(load(kind, name))
