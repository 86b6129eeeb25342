"""What is said of images does not depend on how many of them are in memory at a time."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.estimators import inputs
from cnncodes.images import ImageRecord, records_from


@pytest.mark.slow
@pytest.mark.parametrize("head", ["ridge", "lda"])
def test_blocks_change_nothing_and_failures_keep_their_places(make, pictures, monkeypatch, head):
    clf = make(head=head).fit(pictures.paths[:12], pictures.labels[:12])
    records = [*records_from(pictures.paths)]
    records[5:5] = [ImageRecord("bad.png", b"no picture"), ImageRecord("worse.png", b"")]
    found = []
    for size in (1024, 5, 1):
        monkeypatch.setattr(inputs, "_BLOCK", size)
        found.append(clf.predictor_.predict_records(records, n_jobs=1, novelty=True, codes=True))
    whole, *others = found
    assert [*whole.failures] == [5, 6] and whole.labels[5] is None and np.isnan(whole.codes[5:7]).all()
    assert whole.trained_on.tolist() == [True] * 5 + [False] * 2 + [True] * 7 + [False] * 6
    for other in others:
        assert other.labels == whole.labels and [*other.failures] == [5, 6]
        assert other.failures[6].key == "worse.png"
        for name in ("proba", "trained_on", "codes"):
            np.testing.assert_array_equal(getattr(other, name), getattr(whole, name))
        np.testing.assert_allclose(other.novelty, whole.novelty)
    assert clf.predictor_.predict_records(records[5:7], n_jobs=1).labels == [None, None]
