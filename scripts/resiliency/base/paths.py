"""Which paths of files and folders a study may name."""


def path_fault(path: str) -> str:
    """What is wrong with the path of a file or folder, which Snakemake would take for a pattern; "" if nothing is."""
    return "must not contain braces; rename it" if set("{}") & set(path) else ""
