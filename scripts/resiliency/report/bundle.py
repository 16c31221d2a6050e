"""The JavaScript that draws charts in a browser."""

from functools import cache

import vl_convert

from resiliency.storage.files import kept


@cache
def bundle(version: str) -> str:
    """Vega, Vega-Lite of a version such as v6.4 and Vega-Embed as one self-contained script."""

    def make() -> bytes:
        return vl_convert.javascript_bundle(vl_version=version).encode()

    return kept(__file__, f".{version}.js", f"{vl_convert.__version__} {version}".encode(), make).decode()
