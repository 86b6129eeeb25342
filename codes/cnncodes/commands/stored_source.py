"""Stored codes as the source of commands that predict: images that have been embedded already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.outputs import is_page
from cnncodes.errors import SourceError, UsageError, count, sentence

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
    tells_foreign: bool = True,
    failures: bool = False,
) -> ImageSource:
    """Open a source of images as `inputs.open_images` does, or stored codes as one.

    Parameters
    ----------
    options : PredictOptions or EvaluateOptions
    predictor : ImagePredictor
        What is to answer them, of whose views the codes must be.
    reporter : Reporter
    by_class, unlisted, tells_foreign
        As of `inputs.open_images`.
    failures : bool
        Whether images of which there are no codes, since they could not be read, are to be answered, too;
        else `list_unread` gives them.

    Raises
    ------
    SpaceMismatch, UsageError
        As of `list_stored`.
    SourceError
        If there are none but images that could not be read, and they are not to be answered.
    """
    if not inputs.is_codes(options.src):
        return inputs.open_images(
            options.src, options, by_class=by_class, unlisted=unlisted, tells_foreign=tells_foreign
        )
    from cnncodes.estimators.stored_image import StoredSource
    from cnncodes.estimators.stored_images import list_stored
    from cnncodes.store import read_codes

    codes = read_codes(options.src)
    images = list_stored(codes, predictor, failures=True)
    if failures:
        return StoredSource(options.src, None, tuple(images), complete=codes.complete)
    answered = tuple(image for image in images if image.failure is None)
    unread = tuple(image for image in images if image.failure is not None)
    source = StoredSource(options.src, None, answered, unread=unread, complete=codes.complete)
    if unread and not answered:
        first, why = list_unread(source)[0]
        raise SourceError(
            f"none of the {len(unread)} images of {options.src!r} could be read when it was embedded; the"
            f" first is {first!r}: {sentence(why)}"
        )
    return source


def list_unread(source: ImageSource) -> list[tuple[str, str]]:
    """Return key and reason of each image of stored codes that there are no codes of; of images none."""
    from cnncodes.estimators.stored_image import StoredSource

    unread = source.unread if isinstance(source, StoredSource) else ()
    return [(image.key, image.failure.reason) for image in unread if image.failure is not None]


def say_unread(source: ImageSource) -> str:
    """Return that images of stored codes could not be read, so that their part is not known."""
    images = f"{count(len(list_unread(source)), 'image')} of {source.name!r}"
    return f"{images} could not be read when it was embedded, and the part is not known"


def is_unfinished(source: ImageSource) -> bool:
    """Tell whether a source is stored codes whose job has not finished."""
    from cnncodes.estimators.stored_image import StoredSource

    return isinstance(source, StoredSource) and not source.complete
