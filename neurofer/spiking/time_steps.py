"""Times that must be whole numbers of steps."""

from __future__ import annotations


def refuse_rests(dt_us: int, **lengths_us: int) -> None:
    """Raise unless ``dt_us`` divides every length, given by name; the message lists all that it does not.

    Raises:
        ValueError: see above.
    """
    rests = {name: length for name, length in lengths_us.items() if length % dt_us}
    if rests:
        given = " and ".join(f"{name}={length}" for name, length in rests.items())
        better = ", ".join(f"{name}={max(1, round(length / dt_us)) * dt_us}" for name, length in rests.items())
        raise ValueError(f"dt_us={dt_us} does not divide {given}; use {better}, or another dt_us")
