"""What may be named as a regression head."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cnncodes.errors import UsageError
from cnncodes.heads.names import REGRESSION_HEADS
from cnncodes.heads.regression.selection import MAKERS, make_regression_head


def test_every_name_has_its_head():
    assert sorted(MAKERS) == sorted(REGRESSION_HEADS)


@pytest.mark.parametrize("name", REGRESSION_HEADS)
def test_heads_by_name_take_seed_and_threads(name):
    head = make_regression_head(name, random_state=3, n_jobs=1)
    assert (head.random_state, head.n_jobs) == (3, 1)
    assert make_regression_head(name).n_jobs >= 1


def test_objects_are_cloned():
    given = make_pipeline(StandardScaler(), Ridge(alpha=3))
    made = make_regression_head(given)
    assert made is not given and made[-1].alpha == 3


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ("rigde", "is unknown. Did you mean 'ridge'"),
        ("logistic", "is a classifier, and numbers are to be predicted"),
        (Ridge, "head is the class Ridge"),
        (LogisticRegression(), "got LogisticRegression, which is none"),
        (None, "got NoneType, which is none"),
    ],
)
def test_what_is_no_regressor(head, text):
    with pytest.raises(UsageError, match=text):
        make_regression_head(head)
