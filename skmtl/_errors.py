"""What errors say: which column or part they are about, and the way out where there is not enough memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class NotEnoughMemory(MemoryError):
    """A lack of memory that says already what needs it, and what to do."""


def needs_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory: torch says so in more than one way.

    Parameters
    ----------
    error : BaseException
    """
    of_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return of_cpu or isinstance(error, (MemoryError, torch.OutOfMemoryError))


@contextmanager
def enough_memory(what: str, way_out: str) -> Iterator[None]:
    """Say what to do where there is not enough memory, unless that was said already, of something smaller.

    Parameters
    ----------
    what : str
        What needs it.
    way_out : str
        A sentence.

    Raises
    ------
    NotEnoughMemory
        In the place of any error that says so.
    """
    try:
        yield
    except NotEnoughMemory:
        raise
    except Exception as error:
        if not needs_memory(error):
            raise
        raise NotEnoughMemory(
            f"{what} needs more memory than there is ({type(error).__name__}: {first_line(error)}). {way_out}"
        ) from error


@contextmanager
def called(name: str) -> Iterator[None]:
    """Let what is wrong with a column or part be said of it by name.

    Parameters
    ----------
    name : str
        What messages begin with.

    Raises
    ------
    ValueError, NotEnoughMemory
        In the place of one without the name.
    """
    try:
        yield
    except NotEnoughMemory as error:
        raise NotEnoughMemory(f"{name}{error}") from error
    except ValueError as error:
        raise ValueError(f"{name}{error}") from error


def first_line(error: BaseException) -> str:
    """Return what an error says, in short.

    Parameters
    ----------
    error : BaseException
    """
    line = (str(error).splitlines() or [""])[0]
    return line.rsplit("DefaultCPUAllocator: ", 1)[-1][:200]
