"""The functions of expressions, by their lower-case name.

Source: Entra: "Reference for writing expressions for attribute mappings in Microsoft Entra ID".
"""

from typing import Final

from azure_adapter.mapping.expressions.functions import (
    cases,
    dates,
    lists,
    logic,
    replace,
    special,
    texts,
)
from azure_adapter.mapping.expressions.functions.spec import Function

FUNCTIONS: Final[dict[str, Function]] = {
    one.name.lower(): one
    for one in sorted(
        (
            *texts.FUNCTIONS,
            *cases.FUNCTIONS,
            *lists.FUNCTIONS,
            *logic.FUNCTIONS,
            *dates.FUNCTIONS,
            *replace.FUNCTIONS,
            *special.FUNCTIONS,
        ),
        key=lambda one: one.name.lower(),
    )
}
"""Every function, by its lower-case name, in the order of names."""

__all__ = ["FUNCTIONS", "Function"]
