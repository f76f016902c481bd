"""A value that fits a JSON schema: what a model would have answered that was held to it."""

import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from dwbatch.local.patterns import UnsupportedPatternError, matching

Schema = dict[str, Any]

# Below this depth whatever may be left out is left out, so that a recursive
# schema comes to an end.
_DEEP = 4
_LONGEST_TEXT = 60
_RANGE = 100
_MOST_STEPS = 200_000

_FORMATS = {
    "date-time": "2024-01-02T03:04:05Z",
    "date": "2024-01-02",
    "time": "03:04:05Z",
    "duration": "P1DT2H",
    "email": "echo@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b",
    "uri": "https://example.org/echo",
}


class NoValueError(ValueError):
    """A schema that no value of finite depth fits, or that is no schema."""


def value(schema: Any, said: str) -> Any:
    """A value that fits `schema`, the same for the same text.

    Parameters
    ----------
    schema : dict or bool
        JSON schema: what OpenAI's strict subset knows, and the lengths, ``allOf`` and ``oneOf`` beside it.
    said : str
        What the answer is about: it stands in the texts, and decides where there is a choice.

    Raises
    ------
    NoValueError
        If no value fits, as in a schema that must contain itself.

    Examples
    --------
    >>> value({"type": "object", "properties": {"say": {"type": "string"}}, "required": ["say"]}, "hello")
    {'say': 'hello'}
    """
    return _Maker(schema, said).value(schema, 0)


class _Maker:
    """Makes one value, from the root down."""

    def __init__(self, root: Any, said: str) -> None:
        self._root = root
        self._said = said
        self._choices = 0
        self._left = _MOST_STEPS

    def _spend(self, steps: int = 1) -> None:
        """Count the work, which a small schema can ask without end."""
        self._left -= steps
        if self._left < 0:
            raise NoValueError("The schema asks for too large a value.")

    def choose(self, count: int) -> int:
        """A number below `count`: always the same in the same place of the same answer."""
        self._choices += 1
        digest = hashlib.blake2b(f"{self._choices} {self._said}".encode("utf-8", "replace"), digest_size=8)
        return int.from_bytes(digest.digest()) % max(1, count)

    def value(self, schema: Any, depth: int) -> Any:
        self._spend()
        if math.isinf(self._height(schema, ())):
            raise NoValueError("No value of finite depth fits the schema.")
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][self.choose(len(schema["enum"]))]
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self.value(self._merged(schema, self._branch(branches, depth), {"anyOf", "oneOf"}), depth)
        return self._of_kind(self._kind(schema, depth), schema, depth)

    def _of_kind(self, kind: str, schema: Schema, depth: int) -> Any:
        makers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema, depth),
            "array": lambda: self._array(schema, depth),
            "string": lambda: self._string(schema),
            "integer": lambda: self._number(schema, is_whole=True),
            "number": lambda: self._number(schema, is_whole=False),
            "boolean": lambda: bool(self.choose(2)),
            "null": lambda: None,
        }
        if kind not in makers:
            raise NoValueError(f"Not a type of JSON: {kind!r}.")
        return makers[kind]()

    def _plain(self, schema: Any) -> Schema:
        """A schema without references and conjunctions at its top."""
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            raise NoValueError(f"Not a schema: {schema!r:.40}.")
        plain: Schema = schema
        if "$ref" in plain:
            plain = self._merged(plain, self._target(plain["$ref"]), {"$ref"})
        for part in plain.get("allOf", ()):
            plain = self._merged(plain, part, {"allOf"})
        return plain

    def _merged(self, schema: Schema, other: Any, answered: set[str]) -> Schema:
        """Two schemas as one, without the keywords of the first that brought in the second."""
        other = self._plain(other)
        outer = {key: given for key, given in schema.items() if key not in answered}
        both = {**outer, **other}
        if "properties" in outer and "properties" in other:
            both["properties"] = {**outer["properties"], **other["properties"]}
        if "required" in outer and "required" in other:
            both["required"] = [*outer["required"], *other["required"]]
        return both

    def _target(self, reference: str) -> Any:
        found = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise NoValueError(f"{reference!r} leads nowhere.")
            found = found[name]
        return found

    def _branch(self, branches: list[Any], depth: int) -> Any:
        heights = [self._height(branch, ()) for branch in branches]
        if depth >= _DEEP:
            return branches[heights.index(min(heights))]
        finite = [branch for branch, height in zip(branches, heights, strict=True) if not math.isinf(height)]
        return finite[self.choose(len(finite))]

    def _kind(self, schema: Schema, depth: int) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, str):
            return kinds
        if isinstance(kinds, list) and kinds:
            if depth >= _DEEP and "null" in kinds:
                return "null"
            chosen: str = kinds[self.choose(len(kinds))]
            return chosen
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema else "string"

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        properties: Schema = schema.get("properties", {})
        made = {
            name: self.value(inner, depth + 1)
            for name, inner in properties.items()
            if name in required or (depth < _DEEP and not math.isinf(self._height(inner, ())))
        }
        return made | {name: self._text() for name in required if name not in properties}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        first: list[Any] = schema.get("prefixItems", [])
        least = max(int(schema.get("minItems", 0)), len(first))
        most = int(schema.get("maxItems", least + 2))
        others = schema.get("items", {})
        count = least
        if depth < _DEEP and others is not False and not math.isinf(self._height(others, ())):
            count += self.choose(max(0, min(most, least + 2) - least) + 1)
        return [
            self.value(first[place] if place < len(first) else others, depth + 1) for place in range(count)
        ]

    def _string(self, schema: Schema) -> str:
        if "pattern" in schema:
            try:
                return matching(schema["pattern"], self.choose)
            except UnsupportedPatternError as error:
                raise NoValueError(f"Pattern {schema['pattern']!r} is not supported.") from error
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        least = int(schema.get("minLength", 0))
        self._spend(least)
        text = self._text()[: int(schema.get("maxLength", max(least, _LONGEST_TEXT)))]
        return text + "." * (least - len(text))

    def _text(self) -> str:
        return self._said[:_LONGEST_TEXT] or "echo"

    def _number(self, schema: Schema, *, is_whole: bool) -> int | float:
        step = Fraction(str(schema.get("multipleOf", 1 if is_whole else "0.01")))
        if is_whole:
            step *= step.denominator
        first, last = _bounds(schema, step)
        if first > last:
            raise NoValueError("No number lies between the bounds of the schema.")
        start = self.choose(last - first + 1)
        for place in range(start, start + _RANGE):
            found = (first + place % (last - first + 1)) * step
            # Not every multiple is one in the arithmetic of floats as well.
            if is_whole or _divides(float(step), float(found)):
                return int(found) if is_whole or found.denominator == 1 else float(found)
        return 0

    def _height(self, schema: Any, above: tuple[int, ...]) -> float:
        """Levels that the flattest value needs; infinite if the schema must contain itself."""
        self._spend()
        if not isinstance(schema, dict) or "const" in schema or "enum" in schema:
            return 0.0
        if id(schema) in above:
            return math.inf
        above = (*above, id(schema))
        parts = [self._target(schema["$ref"])] if "$ref" in schema else []
        height = max((self._height(part, above) for part in [*parts, *schema.get("allOf", ())]), default=0.0)
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            height = max(height, min(self._height(branch, above) for branch in branches))
        if "null" in schema.get("type", ()):
            return height
        return max(height, self._height_inside(schema, above))

    def _height_inside(self, schema: Schema, above: tuple[int, ...]) -> float:
        properties = schema.get("properties", {})
        inside = [properties[name] for name in schema.get("required", ()) if name in properties]
        inside += schema.get("prefixItems", [])
        if schema.get("minItems"):
            inside.append(schema.get("items", {}))
        return max((1 + self._height(inner, above) for inner in inside), default=0.0)


def _bounds(schema: Schema, step: Fraction) -> tuple[int, int]:
    """The least and the greatest multiple of a step that a schema allows, as counts of that step."""
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    firsts = [] if least is None else [math.ceil(Fraction(str(least)) / step)]
    firsts += [] if above is None else [math.floor(Fraction(str(above)) / step) + 1]
    lasts = [] if most is None else [math.floor(Fraction(str(most)) / step)]
    lasts += [] if below is None else [math.ceil(Fraction(str(below)) / step) - 1]
    if firsts:
        first = max(firsts)
        return first, min(lasts, default=first + _RANGE)
    last = min(lasts, default=_RANGE)
    return min(0, last - _RANGE) if lasts else 0, last


def _divides(step: float, found: float) -> bool:
    return (found / step).is_integer()
