"""A network as it decides, for a while: eval mode, and afterwards every module's own mode again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def deciding(network: nn.Module) -> Iterator[None]:
    """Eval mode within the block; modules that were in training mode before are so again behind it."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
