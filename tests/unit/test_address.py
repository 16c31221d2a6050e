"""The repository's address in README, pages and CITATION.cff, where it is known and where it is not."""

import pytest
import yaml

from published.address import addressed, site, with_address

GITHUB = "https://github.com/Owner/resiliency"


@pytest.mark.parametrize("address", [GITHUB, "https://example.org/git/resiliency", ""])
def test_an_address_is_written_wherever_it_is_named_and_taken_back(address):
    for file, text in addressed().items():
        written = with_address(file, text, address)
        assert with_address(file, written, "") == with_address(file, text, "")
        assert (GITHUB in written) == (address == GITHUB)
        if file.suffix == ".cff":
            assert yaml.safe_load(written).get("repository-code", "") == address
        elif file.name != "index.md":
            assert (f"git clone {address} resiliency" in written) == bool(address)
            assert ("a clone of this repository" in written) == (not address)
        if file.name == "README.md":
            assert (f"[Example report]({site(address)}/results/digits/report.html)" in written) == (address == GITHUB)
