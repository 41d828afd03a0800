"""No side effects on the process: thread counts and torch's global generator are put back as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

# Multiply-adds of a step, all members together, above which several threads pay.
WORTH_THREADS = 2**30

_threads_lock = threading.Lock()
_threads = {"users": 0, "saved": 1}
_this_thread = threading.local()
_global_draws_lock = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one intra-op thread; the count is restored when the last of overlapping contexts ends.

    Every context sets back the count that the first one found, because each Python thread has a count of its own.
    Inside another context of the same thread (a callback that predicts while a fit runs) it does nothing.
    """
    if getattr(_this_thread, "inside", False):
        yield
        return
    with _threads_lock:
        if _threads["users"] == 0:
            _threads["saved"] = torch.get_num_threads()
        _threads["users"] += 1
        saved = _threads["saved"]
    torch.set_num_threads(1)
    _this_thread.inside = True
    try:
        yield
    finally:
        _this_thread.inside = False
        torch.set_num_threads(saved)
        with _threads_lock:
            _threads["users"] -= 1


def few_threads(work: int) -> Any:
    """Return a context for steps of `work` multiply-adds: one thread if they are small, else torch's default."""
    return one_thread() if work < WORTH_THREADS else nullcontext()


@contextmanager
def global_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Run foreign code that draws from torch's global generator: seeded, and restored afterwards.

    The generator is one for the whole process, so one such context runs at a time.
    """
    devices = [device] if device.type == "cuda" else []
    with _global_draws_lock, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


class SameNoise:
    """A context that draws again what was drawn since it was made: the dropout of a second pass is that of the first.

    Parameters
    ----------
    generator : torch.Generator or None
        Where our own layers draw from.
    draws_globally : bool
        Whether foreign layers draw from torch's global generator, too.
    """

    def __init__(self, generator: torch.Generator | None, draws_globally: bool) -> None:
        self.generator = generator
        self._own = None if generator is None else generator.get_state()
        self._global = torch.get_rng_state() if draws_globally else None

    def __enter__(self) -> None:
        if self.generator is not None and self._own is not None:
            self.generator.set_state(self._own)
        if self._global is not None:
            torch.set_rng_state(self._global)

    def __exit__(self, *error: object) -> None:
        """Leave the generators where the first pass left them: they drew the same."""
