"""What random views may vary: only what can be meant is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.errors import UsageError
from cnncodes.views import ColorJitter, Geometry, PrincipalColors, RandomCrop, RandomViews
from cnncodes.views.settings import _check_lens

COLORS = PrincipalColors((3.0, 2.0, 1.0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (RandomCrop, {"kind": "scales"}, "unknown kind of random crop 'scales'. Did you mean 'scale'"),
        (RandomCrop, {"kind": "scale", "short_sides": (480, 256)}, "the smaller first"),
        (RandomCrop, {"kind": "scale", "short_sides": (256.5, 480)}, "two whole numbers"),
        (RandomCrop, {"kind": "area", "area": (0.0, 1.0)}, "area must be two numbers"),
        (RandomCrop, {"kind": "area", "area": 0.5}, "area must be two numbers"),
        (
            RandomCrop,
            {"kind": "scale", "area": (0.5, 1.0)},
            "area says nothing for random crops of kind 'scale'",
        ),
        (ColorJitter, {"contrast": (-1, 1)}, "between 0 and 10"),
        (ColorJitter, {"contrast": ("a", 1)}, "contrast must be two numbers"),
        (ColorJitter, {"pca_std": float("nan")}, "pca_std must be a number"),
        (ColorJitter, {"principal_colors": COLORS}, "say nothing where pca_std is 0"),
        (Geometry, {"rotation": 181}, "rotation must be a number between 0 and 180. Got 181"),
        (Geometry, {"rotation": True}, "rotation must be a number"),
        (Geometry, {"stretching": (0, 1)}, "between 0.2 and 5"),
        (Geometry, {"lens_k1": (-0.4, 0.0)}, "folds the picture over"),
        (Geometry, {"rotation": 5, "border": "mirror"}, "unknown border 'mirror'"),
        (Geometry, {"border": "edge"}, "border says nothing where no geometry is varied"),
        (RandomViews, {"count": 0}, "count must be a whole number between 1 and 10000"),
        (RandomViews, {"count": 1, "flip": 1.01}, "flip must be a number between 0 and 1. Got 1.01"),
        (RandomViews, {"count": 1, "random_state": -1}, "random_state must be a whole number"),
        (RandomViews, {"count": 1, "random_state": None}, "random_state must be a whole number"),
        (RandomViews, {"count": 1, "crop": "area"}, "crop must be a RandomCrop"),
    ],
)
def test_wrong_settings_are_refused(kind, values, message):
    with pytest.raises(UsageError, match=message):
        kind(**values)


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_a_lens_that_is_taken_folds_nothing_over(k1, k2):
    radii = [number / 500 for number in range(501)]
    slopes = [1 + 3 * k1 * r**2 + 5 * k2 * r**4 for r in radii]
    try:
        _check_lens(k1, k2)
    except UsageError:
        assert min(slopes) < 0.06
    else:
        assert min(slopes) > 0.05


def test_what_does_nothing_is_not_written():
    assert RandomViews(2).to_dict() == {"count": 2, "random_state": 0, "crop": {"kind": "center"}}
    assert Geometry().to_dict() == {}
    assert Geometry(rotation=3).to_dict() == {"rotation": 3.0, "border": "reflect"}


def test_what_matters_changes_the_id():
    views = [
        RandomViews(2),
        RandomViews(2, random_state=1),
        RandomViews(2, flip=0.5),
        RandomViews(2, crop=RandomCrop("area")),
        RandomViews(2, color=ColorJitter(pca_std=0.1)),
        RandomViews(2, color=ColorJitter(pca_std=0.1, principal_colors=COLORS)),
        RandomViews(2, geometry=Geometry(rotation=1, border="edge")),
        RandomViews(2, geometry=Geometry(rotation=1)),
    ]
    assert len({item.id for item in views}) == len(views)
    assert RandomViews(2).id == RandomViews(5).id


def test_all_settings_survive_being_written_down():
    views = RandomViews(
        3,
        9,
        RandomCrop("area", area=(0.3, 0.9), aspect=(0.5, 2.0)),
        0.25,
        ColorJitter((0.5, 1.5), (0.6, 1.4), (0.7, 1.3), 0.2, COLORS),
        Geometry(0.1, 20, (0.9, 1.1), 5, 0.05, (-0.1, 0.1), (-0.02, 0.02), "edge"),
    )
    assert RandomViews.from_dict(views.to_dict()) == views
    assert len(views.columns) == 11
