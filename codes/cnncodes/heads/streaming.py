"""Fitting a linear head on codes that are read block by block.

Ridge, discriminant analysis and nearest means take one pass, which leaves the statistics of each fold and the
codes of a sample; solutions from statistics are those from the rows. Logistic regression takes one pass too,
for the columns' means and a sample, on which settings are chosen as in memory, and then one for each step: of
descents that lower the sample's C, with one fold held out, and of the last one.
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from cnncodes.embedding.memory import release_free_memory
from cnncodes.errors import UsageError
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.linear_kinds import STATISTIC_PATHS
from cnncodes.heads.names import BY_COST
from cnncodes.heads.streamed_logistic import fit_streamed_logistic
from cnncodes.heads.streamed_rows import StreamedRows
from cnncodes.heads.streamed_sample import StreamedFit
from cnncodes.heads.streamed_statistics import fit_statistics

_FITS = {**dict.fromkeys(STATISTIC_PATHS, fit_statistics), "logistic": fit_streamed_logistic}
#: Kinds that can be fitted so, the cheapest first.
STREAMED = tuple(kind for kind in BY_COST if kind in _FITS)


def fit_streamed(head: LinearHead, stream: StreamedRows, memory: int) -> StreamedFit:
    """Fit a linear head, choosing what it leaves open, within so many bytes of memory.

    Parameters
    ----------
    head : LinearHead
        Of a kind in `STREAMED`; it comes out fitted. `held_out_` is of the sample's images, by the numbers in
        `stream`.
    stream : StreamedRows
    memory : int
        Bytes that the process may take.

    Raises
    ------
    UsageError
        If the kind cannot be fitted so, a parameter is wrong, or that is too little memory.
    """
    if not isinstance(head, LinearHead) or head.kind not in STREAMED:
        raise UsageError(f"only {', '.join(STREAMED)} can be fitted without all codes in memory.")
    head._check_params()
    if not isinstance(head.cv, int) or isinstance(head.cv, bool):
        raise UsageError(f"cv must be a number where codes are read in blocks. Got {head.cv!r} instead.")
    head.classes_, head.n_features_in_ = stream.classes, stream.n_features
    # As in memory: threads of ours, so that sums come out the same whatever their number.
    with threadpool_limits(1, user_api="blas"):
        found = _FITS[head.kind](head, stream, memory)
        if head._must_guess(stream.rows):
            head._guess_temperature(found.X, stream.rows.y[found.sample.rows])
            head.held_out_ = None
    release_free_memory()
    return found
