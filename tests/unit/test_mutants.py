"""The mutants that were drawn have a place in the library, and the page says what came of them."""

import pandas as pd
from mutants import REPOSITORY, Library, read_sample
from shares import OUTCOMES, PAGE, SAMPLE, page


def test_the_sample_is_found():
    sample = read_sample(SAMPLE)
    library = Library(REPOSITORY)
    assert len([one for one in sample if library.find(one)]) >= 300
    assert [one.number for one in sample] == list(range(len(sample)))


def test_the_page_is_made_of_the_outcomes():
    assert PAGE.read_text(encoding="utf-8") == page(pd.read_csv(OUTCOMES), len(read_sample(SAMPLE)))
