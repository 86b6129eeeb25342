"""Class activation maps: what each place of a picture adds to the decision for a class.

Where a code is the mean of a network's last map and the head is linear, the decision value is the mean, over
the places of the map, of the head's value at each: no approximation, and one pass (B. Zhou et al., "Learning
deep features for discriminative localization", CVPR 2016).
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackboneError, BackendMissing, install_advice
from cnncodes.estimators.aggregation import averages_scores
from cnncodes.heads.arrays import name_head
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.multilabel.scorers import LinearLabelScorer
from cnncodes.views import ViewPlan

if TYPE_CHECKING:
    from PIL.Image import Image

    from cnncodes.backbones.graphs.maps import DenseBackbone
    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.views.pixels import Box
    from cnncodes.views.view import View

Array = npt.NDArray[Any]

#: Greatest difference between a code and the mean of its map, as a share of the largest number.
_MAX_DIFFERENCE = 1e-4
#: Colours for and against a class, Okabe and Ito's; how opaque the strongest place is; pixels a place.
_FOR, _AGAINST, _ALPHA, _PIXELS = (213, 94, 0), (0, 114, 178), 0.72, 8


def map_class(head: LinearScorer | LinearLabelScorer, features: Array, index: int) -> tuple[Array, float]:
    """Return a class's map and its intercept: the mean of the one plus the other is the decision value.

    Parameters
    ----------
    head : LinearScorer or LinearLabelScorer
        Standardisation is folded into its coefficients already.
    features : ndarray of float, shape (code_size, rows, columns)
        The network's last map; the code is its mean.
    index : int
        Position of the class. Of two classes the first one's decision value is that of the second, negated.

    Returns
    -------
    map : ndarray of float64, shape (rows, columns)
    intercept : float

    Notes
    -----
    For a head that scales codes to length 1, the map is divided by the length of the code, which comes from
    the picture as a whole: the sum is kept, but what a place adds hangs on the others.

    Of a label the decision value is given as the log-odds of its probability, less those of its threshold: a
    label is named where the mean of its map is not below 0.

    Examples
    --------
    >>> head = LinearScorer(np.eye(3), np.array([0.5, 0.0, 0.0]), np.array(["a", "b", "c"]))
    >>> values, intercept = map_class(head, np.arange(12.0).reshape(3, 2, 2), 0)
    >>> float(values.mean() + intercept), float(head.decision(np.array([[1.5, 5.5, 9.5]]))[0, 0])
    (2.0, 2.0)
    """
    sign = 1.0
    if len(head.coef) < len(head.classes):
        index, sign = 0, (1.0 if index == 1 else -1.0)
    values = np.tensordot(sign * head.coef[index], features.astype(np.float64), axes=1)
    if head.l2_normalize:
        length = float(np.linalg.norm(features.astype(np.float64).mean(axis=(1, 2))))
        values = values / length if length > 0 else values
    intercept = sign * float(head.intercept[index])
    if isinstance(head, LinearLabelScorer):
        slope, threshold = float(head.slope[index]), float(np.clip(head.threshold[index], 1e-9, 1 - 1e-9))
        named_from = math.log(threshold / (1 - threshold))
        return slope * values, slope * intercept + float(head.offset[index]) - named_from
    return values, intercept


@dataclass(frozen=True, eq=False)
class Activation:
    """A class activation map over a part of a picture.

    Attributes
    ----------
    values : ndarray of float64, shape (rows, columns)
        The head's value at each place, intercept included: their mean is the decision value.
    box : tuple of float
        Left, top, right and bottom of what it covers, in pixels of the picture.
    """

    values: Array
    box: Box

    def to_png(self) -> bytes:
        """Return it as a translucent picture: orange speaks for the class, blue against it."""
        from PIL import Image as pillow

        rows, columns = self.values.shape
        most = float(np.abs(self.values).max()) or 1.0
        small = pillow.fromarray((self.values / most).astype(np.float32))
        large = small.resize((columns * _PIXELS, rows * _PIXELS), pillow.Resampling.BICUBIC)
        smooth = np.clip(np.asarray(large), -1, 1)
        pixels = np.empty((*smooth.shape, 4), np.uint8)
        pixels[..., :3] = np.where(smooth[..., None] > 0, _FOR, _AGAINST)
        pixels[..., 3] = np.round(np.abs(smooth) * 15) * (255 * _ALPHA / 15)  # few steps: a smaller file
        stream = io.BytesIO()
        pillow.fromarray(pixels).save(stream, "PNG", optimize=True)
        return stream.getvalue()


@dataclass(frozen=True, eq=False)
class Activations:
    """Makes class activation maps of a classifier's pictures.

    Attributes
    ----------
    predictor : ImagePredictor
    dense : DenseBackbone
    plan : ViewPlan
        The views that are looked at.
    is_whole : bool
        Whether these are all that the prediction is made of, so that the mean of a map is its decision value.
    """

    predictor: ImagePredictor
    dense: DenseBackbone
    plan: ViewPlan
    is_whole: bool

    def look(self, image: Image, content: str, label: Any) -> Activation:
        """Return the map of a class in an image, averaged over views, mirrored ones turned back.

        Parameters
        ----------
        image : PIL.Image.Image
            Mode RGB, decoded as for the classifier.
        content : str
            Hash of the image's content, which random views follow from.
        label : object
            One of the classes, as text.
        """
        head, frame = self.predictor.head, self.predictor.embedder.backbone.frame
        rendered = self.plan.render(image, frame, content)
        index = [str(name) for name in head.classes].index(str(label))
        maps = self.dense.run(rendered.pixels)[rendered.index]
        found = []
        for features, view in zip(maps, rendered.views, strict=True):
            values, intercept = map_class(head, features, index)
            found.append((values[:, ::-1] if view.flip else values) + intercept)
        return Activation(np.mean(found, axis=0), rendered.views[0].box)


def prepare_activations(predictor: ImagePredictor) -> Activations:
    """Return what makes a classifier's maps.

    Raises
    ------
    BackboneError
        If its head or its network has none; the text says why.
    BackendMissing
        If ONNX is not installed.
    """
    head, embedder = predictor.head, predictor.embedder
    if not isinstance(head, LinearScorer | LinearLabelScorer):
        raise BackboneError(f"the head, {name_head(head)}, is not linear.")
    _check_onnx()
    dense = embedder.backbone.dense()
    _check_mean(embedder.backbone, dense)
    views = embedder.plan.locate((1000, 800), embedder.backbone.frame, "0" * 32)
    is_whole = _show_one_place(views) and _averages_decisions(predictor, len(views))
    plan = embedder.plan if is_whole else ViewPlan.parse("center")
    return Activations(predictor, dense, plan, is_whole)


def needs_onnx(predictor: ImagePredictor) -> bool:
    """Tell whether it is for want of ONNX alone that a classifier has no maps, as far as that is known."""
    head, backbone = predictor.head, predictor.embedder.backbone
    if not isinstance(head, LinearScorer | LinearLabelScorer) or backbone.precision != "fp32":
        return False
    try:
        _check_onnx()
    except BackendMissing:
        return True
    return False


def _check_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise BackendMissing(f"ONNX is not installed: {install_advice('report')}.") from error


def _averages_decisions(predictor: ImagePredictor, views: int) -> bool:
    """Tell whether an answer is the mean of its views' decision values, or as good as that."""
    if predictor.aggregate == "code":  # the length of a mean is not the mean of lengths
        return views == 1 or not predictor.head.l2_normalize
    return averages_scores(predictor.aggregate, views)


def _show_one_place(views: tuple[View, ...]) -> bool:
    """Tell whether views differ by no more than a mirror."""
    return len({view.box for view in views}) == 1 and all(view.warp is None for view in views)


def _check_mean(backbone: Any, dense: DenseBackbone) -> None:
    """Raise unless codes are means of maps: a layer after the last pooling, as VGG has, is none."""
    from cnncodes.backbones.running.timing import draw_noise

    images = draw_noise(backbone.frame, 2)
    codes, maps = backbone.run(images), dense.run(images)
    difference = np.abs(maps.mean(axis=(2, 3)) - codes).max()
    if not difference <= _MAX_DIFFERENCE * np.abs(codes).max():
        raise BackboneError(f"the code of {backbone.card.name!r} is not the mean of its last map.")
