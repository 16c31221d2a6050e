"""The mutants that were drawn have a place in the library, and the page says what came of them."""

import pandas as pd
from mutants import REPOSITORY, Library, read_sample
from shares import OUTCOMES, PAGE, SAMPLE, page


def test_the_sample_is_found():
    """Seven in ten of those whose function is still in its module; others went with what they were
    in."""
    sample, library = read_sample(SAMPLE), Library(REPOSITORY)
    there = {(place.module, place.function) for place in library.places}
    left = [one for one in sample if (one.module, one.function) in there]
    assert len([one for one in left if library.find(one)]) >= 0.7 * len(left) >= 75
    assert [one.number for one in sample] == list(range(len(sample)))


def test_the_page_is_made_of_the_outcomes():
    assert PAGE.read_text(encoding="utf-8") == page(pd.read_csv(OUTCOMES))
