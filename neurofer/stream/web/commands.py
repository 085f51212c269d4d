"""What a page may ask: pause, resume, seek."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from neurofer.errors import UsageError
from neurofer.stream.watch.shown import Watched

MOST_BYTES = 1_024


class Command(BaseModel):
    """One message from a page, such as ``{"do": "seek", "since_us": 1500000}``."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    do: Literal["pause", "resume", "seek"]
    since_us: Annotated[int, Field(ge=0, lt=2**62)] | None = None

    @model_validator(mode="after")
    def _has_a_moment_to_seek(self) -> Command:
        if (self.do == "seek") != (self.since_us is not None):
            raise ValueError("since_us goes with seek, and with nothing else")
        return self

    def carry_out(self, watched: Watched) -> None:
        """Ask it of the stream; this may take a moment.

        Raises:
            UsageError: the stream cannot do that.
        """
        if self.do == "pause":
            watched.pause()
        elif self.do == "resume":
            watched.resume()
        else:
            watched.seek(int(self.since_us or 0))


def read_command(message: str | None) -> Command:
    """The command in a text message.

    Raises:
        UsageError: too long, not text, or not one of the commands.
    """
    if message is None or len(message.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise UsageError(f"a message is text of at most {MOST_BYTES} bytes")
    try:
        return Command.model_validate_json(message)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{place or 'message'}: {first['msg']}; send pause, resume, or seek with since_us") from error
