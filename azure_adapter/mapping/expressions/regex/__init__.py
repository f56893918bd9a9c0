"""Regular expressions that cannot hang; pure.

.NET's syntax, without what needs backtracking to be understood (look-around, back-references,
atomic groups). A pattern that Python's ``re`` matches in a bounded number of steps on the text at
hand is matched by it; any other by a machine whose steps grow with the length of the text only.
"""

from azure_adapter.mapping.expressions.regex.pattern import (
    MAX_PATTERN,
    Pattern,
    RegexError,
    TooManySteps,
    compile_pattern,
)

__all__ = ["MAX_PATTERN", "Pattern", "RegexError", "TooManySteps", "compile_pattern"]
