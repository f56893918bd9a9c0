"""From the value of a source attribute, a constant or an expression to values of a SCIM attribute.

Sources: RFC 7643 §2.3 (types), §4.1.2 (emails); Microsoft Graph: user resource type.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic_core import Url, ValidationError

from azure_adapter.mapping.expressions import Failure, Value, to_text
from azure_adapter.mapping.expressions.dates import DateError, read_moment
from azure_adapter.mapping.sources import Source, SourceType
from azure_adapter.mapping.targets import Target, TargetType
from azure_adapter.mapping.text import Reading, smtp_address

Items = Sequence[Any]
"""Values of a SCIM attribute; empty when there is none."""

Read = Callable[[Any, Reading], Items]
"""Reads the JSON value of a source attribute, which is not null."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_BOOLEANS: Final = {"true": True, "false": False}

MANY_TYPES: Final = frozenset({SourceType.texts, SourceType.proxies})
"""Source types that give several values to a row."""


def direct_reader(source: Source, target: Target) -> Read:
    """Return how a source attribute is read for a target."""
    if target.type is TargetType.boolean:
        return _flag_reader(source)
    if source.type is SourceType.text and _is_plain(target):
        return _text_reader(source.name)
    texts, finish = _texts_reader(source, target), finisher(target, source.name)

    def read(value: Any, reading: Reading) -> Items:
        return _finished(texts(value, reading), finish, reading)

    return read


def _is_plain(target: Target) -> bool:
    return target.type is TargetType.text and target.attribute not in ("emails", "displayName")


def _text_reader(name: str) -> Read:
    def read(value: Any, reading: Reading) -> Items:
        text = reading.text(value, name)
        return () if text is None else (text,)

    return read


def _flag_reader(source: Source) -> Read:
    name, inverted = source.name, source.inverted

    def read(value: Any, reading: Reading) -> Items:
        if source.type is SourceType.any and isinstance(value, str):
            value = _BOOLEANS.get(value.strip().lower(), value)
        flag = reading.flag(value, name)
        return () if flag is None else (flag != inverted,)

    return read


def _texts_reader(source: Source, target: Target) -> Callable[[Any, Reading], Iterable[str | None]]:
    """Return how a source attribute is read as texts."""
    name = source.name
    match source.type:
        case SourceType.guest:
            return lambda value, reading: [reading.user_name(reading.text(value, name))]
        case SourceType.texts:
            return lambda value, reading: reading.texts(value, name)
        case SourceType.proxies if target.attribute == "emails":
            return lambda value, reading: map(smtp_address, reading.texts(value, name))
        case SourceType.proxies:
            return lambda value, reading: reading.texts(value, name)
        case SourceType.phones | SourceType.phone:
            return lambda value, reading: reading.texts(value, name)[:1]
        case SourceType.boolean | SourceType.any:
            return lambda value, reading: _scalars(source, value, target.many, reading)
    return lambda value, reading: [reading.text(value, name)]


def _scalars(source: Source, value: Any, many: bool, reading: Reading) -> list[str | None]:
    """Read a boolean or a directory extension, of which the type is not known, as texts."""
    if isinstance(value, list):
        texts = reading.texts(value, source.name)
        if len(texts) > 1 and not many:
            reading.notes.append(f"{source.name} was left out: it has several values.")
            return []
        return list(texts)
    if isinstance(value, bool):
        value = value != source.inverted
    if isinstance(value, (bool, int, float)):
        return [to_text(value)] if abs(value) < float("inf") else []
    return [reading.text(value, source.name)]


def _finished(
    texts: Iterable[str | None], finish: Callable[[str, Reading], Any], reading: Reading
) -> Items:
    items = (finish(one, reading) for one in texts if one is not None)
    return [one for one in items if one is not None]


def finisher(target: Target, label: str) -> Callable[[str, Reading], Any]:
    """Return how a text becomes a value of a target; None, with a note, when it cannot."""
    if target.attribute == "emails":
        return lambda text, reading: reading.email(text, label)
    if target.attribute == "displayName":
        return lambda text, reading: reading.cut(text, label)
    convert = _CONVERT.get(target.type)
    if convert is None:
        return lambda text, _: text

    def finish(text: str, reading: Reading) -> Any:
        try:
            return convert(text)
        except ValueError as error:
            reading.notes.append(f"{label} was left out: {error}")
            return None

    return finish


def expression_items(value: Value, target: Target, label: str, reading: Reading) -> Items:
    """Return the values that an expression gave a target.

    Raises:
        Failure: the target cannot take the value; the message is a sentence.
    """
    if value is None or value == "":
        return ()
    if target.type is TargetType.boolean:
        return (_boolean(value),)
    if isinstance(value, tuple) and not target.many and len(value) > 1:
        raise Failure(f"It gave {len(value)} values, but {target.path} takes one.")
    texts = value if isinstance(value, tuple) else (_written(value, target),)
    cleaned = [reading.text(one, label) for one in texts]
    if target.attribute == "emails":
        cleaned = [smtp_address(one) or one for one in cleaned if one is not None]
    return _finished(cleaned, finisher(target, label), reading)


def _written(value: Value, target: Target) -> str | None:
    if isinstance(value, datetime) and target.type is TargetType.date:
        return value.isoformat() + "Z"
    return to_text(value)


def _boolean(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        shown = repr(value)[:60]
        raise Failure(f"It gave {shown}, which is neither True nor False.")
    return known


def constant_items(value: Any, target: Target, label: str) -> Items:
    """Return the values of a constant.

    Raises:
        Failure: the target cannot take it.
    """
    if isinstance(value, str) and not value.strip():
        return ()
    if isinstance(value, str) and target.type is not TargetType.boolean:
        value = value.strip()
    reading = Reading()
    items = expression_items(value, target, label, reading)
    if reading.notes or not items:
        raise Failure(reading.notes[0] if reading.notes else "The value is empty.")
    return items


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("it is no whole number.")
    return int(text)


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("it is no number.")
    return float(text)


def _date(text: str) -> str:
    try:
        return read_moment(text).isoformat() + "Z"
    except DateError:
        raise ValueError("it is no date.") from None


def _reference(text: str) -> str:
    if not text.startswith("/"):
        try:
            Url(text)
        except ValidationError:
            raise ValueError("it is no URL.") from None
    return text


_CONVERT: Final[dict[TargetType, Callable[[str], Any]]] = {
    TargetType.integer: _integer,
    TargetType.decimal: _decimal,
    TargetType.date: _date,
    TargetType.reference: _reference,
}
