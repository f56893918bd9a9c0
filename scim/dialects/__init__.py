"""What identity providers send instead of what the RFCs say.

The rules are one table of data, :data:`RULES`, each with its source. They are applied before the
protocol engine sees a request. Requests that no rule concerns are passed on as they are, byte for
byte; what is wrong by the RFCs and by every dialect keeps its error.
"""

from scim.dialects.application import mend
from scim.dialects.catalogue import Shape, shapes_of
from scim.dialects.rules import Place, Rule
from scim.dialects.table import RULES

__all__ = ["RULES", "Place", "Rule", "Shape", "mend", "shapes_of"]
