"""Parameters of parameters, as `set_params` is given them: `<component>__<parameter>` and `task_weights__<task>`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# One of each kind of specification, for messages.
SPECIFICATIONS = {
    "augmentation": "Mixup()",
    "balancing": "CAGrad()",
    "sharing": "MMoE()",
    "trunk": "MLPTrunk()",
}


def refuse_parameters_of_names(estimator: Any, params: dict[str, Any]) -> None:
    """Refuse `<component>__<parameter>` where the component is, or becomes, a name.

    Parameters
    ----------
    estimator : BaseEstimator
    params : dict
        What `set_params` was given.

    Raises
    ------
    ValueError
        If there is one.
    """
    for name in params:
        component, nested, _ = name.partition("__")
        value = params.get(component, getattr(estimator, component, None))
        if nested and component == "augmentation" and (value is None or isinstance(value, (list, tuple))):
            raise ValueError(
                f"{name} cannot be set: augmentation is {value!r}, which has no parameters. Give an object, for "
                f"example augmentation={SPECIFICATIONS[component]}, or skmtl.augmentation.Chain([...]) for several."
            )
        if nested and isinstance(value, str):
            example = SPECIFICATIONS.get(component)
            raise ValueError(
                f"{name} cannot be set: {component} is {value!r}, and names have no parameters. Give an object"
                + (f", for example {component}={example}." if example else ".")
            )


def with_task_weights(current: Any, changes: Mapping[str, float]) -> dict[str, float]:
    """Return the dict of task weights with some of them replaced.

    Parameters
    ----------
    current : dict or None
        The parameter so far.
    changes : dict

    Raises
    ------
    ValueError
        If the parameter is a number or a sequence, which have no names.
    """
    if current is not None and not isinstance(current, Mapping):
        task = next(iter(changes))
        raise ValueError(
            f"task_weights__{task} sets the weight of one task by name, but task_weights is {current!r}, without "
            f"names: give a dict, for example task_weights={{{task!r}: {changes[task]!r}}}."
        )
    return {**(current or {}), **changes}
