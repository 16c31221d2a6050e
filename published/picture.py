"""Draws docs/report.png, the first screen of a report, in Chromium: python -m published.picture
results/digits."""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from published.kept import ROOT
from resiliency.base.faults import Fault, one_line_faults, parser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCREEN = {"width": 1440, "height": 1020}
PICTURE, COLOURS = ROOT / "docs/report.png", 128


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, help="folder of a finished study")
    report = arguments.parse_args().results.resolve() / "report.html"
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    with one_line_faults(), sync_playwright() as playwright:
        if not report.is_file() or not browser:
            raise Fault(
                f"{report}: expected a report, and Chromium, got one of them at most; finish the "
                "study"
            )
        page = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page(
            viewport=SCREEN
        )
        page.goto(report.as_uri())
        Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE
        ).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
