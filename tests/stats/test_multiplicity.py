"""Adjusted p-values: statsmodels, by hand, and who belongs to the family."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from study.stats import benjamini_hochberg, holm


@pytest.mark.parametrize(("adjust", "upstream"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_equal_to_statsmodels(adjust, upstream, n):
    p = np.random.default_rng(n).beta(0.4, 1, size=n).round(2)  # with ties, zeros and ones
    np.testing.assert_allclose(adjust(p), multipletests(p, method=upstream)[1])


def test_by_hand():
    assert holm([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert benjamini_hochberg([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.04, 0.03, 0.04])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_was_not_tested_is_no_member_of_the_family(adjust):
    p = np.array([np.nan, 0.04, 0.01, np.nan, 0.03])
    found = adjust(p)
    assert np.isnan(found[[0, 3]]).all()
    assert found[[1, 2, 4]].tolist() == adjust(p[[1, 2, 4]]).tolist()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_edges(adjust):
    assert adjust([]).tolist() == []
    assert np.isnan(adjust([np.nan])).all()
    given = np.array([0.5, 0.2])
    adjust(given)
    assert given.tolist() == [0.5, 0.2]
    with pytest.raises(ValueError, match=r"between 0 and 1, not at 1\.2"):
        adjust([0.1, 1.2])
