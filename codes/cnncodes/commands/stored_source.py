"""Stored codes as the source of commands that predict: images that have been embedded already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.outputs import is_page
from cnncodes.errors import UsageError, count

if TYPE_CHECKING:
    from cnncodes.commands.reporter import Reporter
    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.images import ImageSource

#: Options that are for images, and what to do instead where there are stored codes.
_OF_IMAGES = {
    "holdout": "give it to 'cnncodes embed'",
    "max_pixels": "leave it out",
    "memory": "leave it out, since nothing is embedded",
}


def check_stored(options: Any) -> None:
    """Raise `UsageError` where the source is stored codes, and an option is given that is for images.

    Parameters
    ----------
    options : PredictOptions or EvaluateOptions
    """
    if not inputs.is_codes(options.src):
        return
    for name, advice in _OF_IMAGES.items():
        if getattr(options, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is for images, and {options.src!r} holds stored codes: {advice}.")
    inputs.check_no_columns(options.src, options)
    if is_page(getattr(options, "report", None)):
        raise UsageError(
            "a page shows pictures, maps of what decided and the nearest images, and stored codes have none"
            f" of these: give the images that {options.src!r} was made of, or a report, -o report.json."
        )


def open_to_predict(
    options: Any,
    predictor: ImagePredictor,
    reporter: Reporter,
    *,
    by_class: bool = True,
    unlisted: str = "error",
    failures: bool = False,
) -> ImageSource:
    """Open a source of images as `inputs.open_images` does, or stored codes as one.

    Parameters
    ----------
    options : PredictOptions or EvaluateOptions
    predictor : ImagePredictor
        What is to answer them, of whose views the codes must be.
    reporter : Reporter
    by_class, unlisted
        As of `inputs.open_images`.
    failures : bool
        Whether images of which there are no codes, since they could not be read, are to be answered, too.

    Raises
    ------
    SpaceMismatch, UsageError
        As of `list_stored`.
    """
    if not inputs.is_codes(options.src):
        return inputs.open_images(options.src, options, by_class=by_class, unlisted=unlisted)
    from cnncodes.estimators.stored_images import list_stored
    from cnncodes.images import ImageSource
    from cnncodes.store import read_codes

    codes = read_codes(options.src)
    images = list_stored(codes, predictor, failures=True)
    answered = [image for image in images if image.failure is None]
    if not failures and len(answered) < len(images):
        reporter.warn(
            f"{count(len(images) - len(answered), 'image')} of {options.src!r} could not be read when it was"
            " embedded: without codes, label and part these are left out"
        )
    return ImageSource(options.src, None, tuple(images if failures else answered))
