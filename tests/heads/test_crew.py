"""Threads that fit folds, and help each other."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from minima import draw

from cnncodes.heads.crew import Crew
from cnncodes.heads.estimator import LinearHead

N_PARTS = 6


def name_threads(crew: Crew, patience: float = 0.2) -> set[str]:
    """Return the threads that take part in a product; `patience` are seconds that one waits for another."""
    met = threading.Event()

    def work(number: int) -> str:
        if number:
            met.set()
        else:
            met.wait(patience)  # so that another thread comes to it, where there is one
        return threading.current_thread().name

    return set(crew.run(work, range(N_PARTS)))


def test_jobs_are_done_in_their_order():
    with Crew(3) as crew:
        assert crew.each(lambda a, b: a - b, [(n, 1) for n in range(20)]) == list(range(-1, 19))
        assert list(crew.run(lambda a: a * a, range(20))) == [n * n for n in range(20)]


def test_threads_without_work_help():
    with Crew(2) as crew:
        assert len(name_threads(crew, patience=30)) == 2
        [alone] = crew.each(name_threads, [(crew, 30)])
        assert len(alone) == 2


def test_threads_with_work_of_their_own_do_not():
    gate = threading.Barrier(2)

    def work(crew: Crew) -> set[str]:
        gate.wait()
        found = name_threads(crew)
        gate.wait()
        return found

    with Crew(2) as crew:
        assert [len(found) for found in crew.each(work, [(crew,), (crew,)])] == [1, 1]


def test_one_thread_is_that_of_the_caller():
    with Crew(None) as crew:
        assert name_threads(crew) == {threading.current_thread().name}


def test_an_error_of_a_job_is_that_of_the_crew():
    with Crew(2) as crew:
        with pytest.raises(ZeroDivisionError):
            crew.each(lambda a: 1 // a, [(1,), (0,), (1,)])
        assert len(name_threads(crew, patience=30)) == 2  # nobody counts as busy any more


def test_a_search_and_its_last_fit_are_the_same_bits_by_any_number_of_threads():
    X, y, _ = draw(3000, 12, 3, 3)
    one, *others = (LinearHead(scaling="standard", n_jobs=n).fit(X, y) for n in (1, 2, 4))
    for other in others:
        np.testing.assert_array_equal(other.cv_results_["log_loss"], one.cv_results_["log_loss"])
        np.testing.assert_array_equal(other.coef_, one.coef_)
