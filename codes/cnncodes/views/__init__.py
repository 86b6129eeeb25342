"""Views: the crops, scales, mirrors and distortions of an image that become codes, as data."""

from cnncodes.views.colors import ColorMoments, PrincipalColors
from cnncodes.views.darkroom import Rendered
from cnncodes.views.plan import ViewPlan
from cnncodes.views.settings import ColorJitter, Geometry, RandomCrop, RandomViews
from cnncodes.views.view import View

__all__ = [
    "ColorJitter",
    "ColorMoments",
    "Geometry",
    "PrincipalColors",
    "RandomCrop",
    "RandomViews",
    "Rendered",
    "View",
    "ViewPlan",
]
