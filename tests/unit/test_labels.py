"""The study of published labels names all of them; tests/workflow/test_study_of_labels.py has what they give."""

import pytest

from published.kept import ROOT
from published.labels import text_of
from published.study_changes import current_study


@pytest.mark.parametrize("file", sorted((ROOT / "studies").glob("*_labels.yaml")), ids=lambda file: file.stem)
def test_studies_of_labels_name_all_that_is_published(file):
    """Otherwise: python -m published.labels."""
    name = file.stem.removesuffix("_labels")
    assert file.read_text(encoding="utf-8") == text_of(current_study(name), ROOT / "studies/published" / name)
