"""Of what a table of decisions is made, so that tables of different makes are never mixed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurofer.errors import UsageError


@dataclass(frozen=True)
class MadeOf:
    """What decides, and how; tables of different ones are not mixed.

    Attributes:
        model: What decides, as the user named it.
        digest: What tells it from any other.
        options: Options that the decisions depend on, as they are typed; None where one is not given.
    """

    model: str
    digest: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def differences(self, earlier: MadeOf, may_add: Collection[str] = ()) -> list[str]:
        """What was different earlier, each in a few words; options of ``may_add`` that were not given do not count."""
        found = [] if self.digest == earlier.digest else [f"another model ({earlier.model})"]
        for name in {**earlier.options, **self.options}:
            was, now = earlier.options.get(name), self.options.get(name)
            if was != now and not (was is None and name in may_add):
                found.append(f"{name} {was}" if was is not None else f"no {name}")
        return found

    def as_json(self) -> dict[str, Any]:
        return {"model": self.model, "digest": self.digest, "options": dict(self.options)}


def refuse_others(path: Path, made_of: MadeOf, head: Mapping[str, Any], way_out: str,
                  may_add: Collection[str] = ()) -> None:
    """Raise if what a file's first line says is another model, or other options, but for new ones of ``may_add``.

    Raises:
        UsageError: with what was different, and the way out.
    """
    earlier = MadeOf(**head["made_of"])
    found = made_of.differences(earlier, may_add)
    if found:
        raise UsageError(f"{path}: was made with {', '.join(found)}; give the same again, or {way_out}")
