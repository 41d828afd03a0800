"""Specifications that hold others by name, whose parameters are searched under these names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator


class NamedParts(BaseEstimator):
    """Base of specifications one of whose parameters holds other specifications, each under a name.

    A subclass names that parameter in `holder`, and defines `_named` and `_with`.

    Attributes
    ----------
    holder : str
        Name of the parameter that holds them.
    """

    holder: ClassVar[str]

    def _named(self) -> Mapping[str, BaseEstimator]:
        """Return the specifications whose parameters are searched, by name."""
        raise NotImplementedError

    def _with(self, changes: Mapping[str, Any]) -> Any:
        """Return the value of the parameter that holds them, with others in the place of some."""
        raise NotImplementedError

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters and, if `deep`, each specification by its name, with its parameters.

        Parameters
        ----------
        deep : bool, default=True

        Returns
        -------
        dict
        """
        params: dict[str, Any] = super().get_params(deep=False)
        for name, part in self._named().items() if deep else ():
            params[name] = part
            params |= {f"{name}__{key}": value for key, value in part.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, specifications by name, or their parameters.

        Parameters
        ----------
        **params
            Own parameters; `<name>`, another specification in the place of the one of that name; `<name>__<parameter>`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        if self.holder in params:
            setattr(self, self.holder, params.pop(self.holder))
        if changes := {name: params.pop(name) for name in self._named() if name in params}:
            setattr(self, self.holder, self._with(changes))
        super().set_params(**params)
        return self
