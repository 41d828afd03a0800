"""Real multi-task data that ships with the package.

Each loader returns a :class:`~sklearn.utils.Bunch`, as the loaders of :mod:`sklearn.datasets` do.
"""

from ._energy import load_energy

__all__ = ["load_energy"]
