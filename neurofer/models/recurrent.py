"""Windows in, expressions out: an encoder per window, an LSTM over the last few, and a head."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from neurofer.models.encoder import Encoder, scaled_width
from neurofer.models.front import LearnedGrid, Scale


class SequenceClassifier(nn.Module):
    """An expression for every window, from that window and the ones just before it.

    A decision at window k uses exactly the windows ``k - context_windows + 1 .. k``; the LSTM starts fresh for each.
    The embeddings of the last ``context_windows - 1`` windows are the state, so a stream encodes each window once.
    With ``context_windows=1`` and ``lstm_layers=0`` this is the frame model.

    Attributes:
        encoder: Picture to vector.
        context_windows: Windows that a decision looks at.
        classes: Number K of classes.
        front: What pictures pass before the encoder, or None.

    Source:
        evTransFER (Verschae and Bugueno-Cordova 2026); one window more or less than three is our generalisation.
    """

    def __init__(
        self, encoder: Encoder, classes: int, context_windows: int = 3, lstm_layers: int = 3, dropout: float = 0.5,
        front: Scale | LearnedGrid | None = None,
    ) -> None:
        """Put a fresh LSTM and head on an encoder.

        Args:
            encoder: Shared by all windows.
            classes: Number of classes, at least 2.
            context_windows: Windows of a decision, at least 1.
            lstm_layers: LSTM layers of the embedding's width; 0 only with one window (the frame model).
            dropout: In the head, while training.
            front: What every picture passes before the encoder; it must give as many channels as the encoder takes.

        Raises:
            ValueError: a number out of range, several windows without an LSTM, or a front that does not fit.
        """
        super().__init__()
        if classes < 2 or context_windows < 1 or lstm_layers < 0 or not 0 <= dropout < 1:
            raise ValueError("SequenceClassifier: need classes >= 2, context_windows >= 1, lstm_layers >= 0, "
                             f"0 <= dropout < 1, got {classes}, {context_windows}, {lstm_layers}, {dropout}")
        if context_windows > 1 and not lstm_layers:
            raise ValueError("SequenceClassifier: several windows need an LSTM; set lstm_layers=1 or more, "
                             "or context_windows=1 for the frame model")
        if front is not None and front.out_channels != encoder.channels:
            raise ValueError(f"SequenceClassifier: the front gives {front.out_channels} channels but the encoder takes "
                             f"{encoder.channels}")
        width = encoder.embedding
        hidden = scaled_width(256, encoder.width)
        self.front = front
        self.encoder, self.classes, self.context_windows = encoder, classes, context_windows
        self.lstm_layers = lstm_layers
        self.lstm = nn.LSTM(width, width, lstm_layers, batch_first=True) if lstm_layers else None
        self.head = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes))
        self._still = False

    def freeze_encoder(self, *, normalise_by_batch: bool = False) -> None:
        """Train no longer what makes an embedding of a picture.

        Args:
            normalise_by_batch: While training, let its batch norm look at the batch and move its running means; else it
                stays as in eval mode.
        """
        for part in (self.front, self.encoder):
            if part is not None:
                part.requires_grad_(False)
        self._still = not normalise_by_batch
        self.train(self.training)

    @torch.no_grad()
    def settle_norms(self, batches: Iterable[Tensor]) -> None:
        """Set the running statistics of the encoder's batch norm to the mean over batches ``(B, T, C, S, S)``."""
        norms = [module for module in self.encoder.modules() if isinstance(module, nn.BatchNorm2d)]
        kept = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
        self.encoder.train()
        for windows in batches:
            self.embed(windows)
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum
        self.train(self.training)

    def train(self, mode: bool = True) -> SequenceClassifier:
        """Train or eval mode; a frozen encoder stays in eval mode."""
        super().train(mode)
        if self._still:
            self.encoder.eval()
        return self

    def forward(self, windows: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits for every window that has its whole context.

        Args:
            windows: ``(B, T, C, S, S)`` consecutive windows.
            state: Embeddings that the windows before left behind; None starts fresh.

        Returns:
            ``(logits, state)``: ``(B, T', K)``, where T' is T, less the windows still missing for a first decision
            (``T - context_windows + 1`` from a fresh start), and the state for the windows that follow.

        Raises:
            ValueError: windows of another shape, or a state of another batch or size.
        """
        if windows.ndim != 5:
            raise ValueError(f"SequenceClassifier: windows must be (B, T, C, S, S), got {tuple(windows.shape)}")
        return self.decide(self.embed(windows), state)

    def embed(self, windows: Tensor) -> Tensor:
        """Embeddings of the windows, each by itself: ``(B, T, C, S, S)`` to ``(B, T, E)``."""
        batch, steps = windows.shape[:2]
        if not batch * steps:
            return windows.new_zeros((batch, steps, self.encoder.embedding))
        pictures = windows.flatten(0, 1)
        if self.front is not None:
            pictures = self.front(pictures)
        return self.encoder(pictures).flatten(1).unflatten(0, (batch, steps))

    def decide(self, embeddings: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits and state from ``(B, T, E)`` embeddings; see ``forward``."""
        batch, _, width = embeddings.shape
        if state is not None:
            fits = state.ndim == 3 and (state.shape[0], state.shape[2]) == (batch, width)
            if not fits or state.shape[1] >= self.context_windows or state.device != embeddings.device:
                raise ValueError(
                    f"SequenceClassifier: state is {tuple(state.shape)} on {state.device} but the input needs "
                    f"({batch}, up to {self.context_windows - 1}, {width}) on {embeddings.device}; "
                    "pass state=None at the start of a new recording")
            embeddings = torch.cat([state, embeddings], dim=1)
        after = embeddings[:, max(0, embeddings.shape[1] - self.context_windows + 1) :]
        if embeddings.shape[1] < self.context_windows:
            return embeddings.new_zeros((batch, 0, self.classes)), after
        context = embeddings.unfold(1, self.context_windows, 1).transpose(2, 3)
        decisions = context.shape[1]
        return self._logits(context.flatten(0, 1)).unflatten(0, (batch, decisions)), after

    def _logits(self, context: Tensor) -> Tensor:
        """``(N, context_windows, E)`` to ``(N, K)``."""
        last = self.lstm(context)[0][:, -1] if self.lstm is not None else context[:, -1]
        logits: Tensor = self.head(last)
        return logits

    @property
    def parameter_count(self) -> int:
        """Trainable and frozen numbers, without batch norm's running statistics."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def macs_per_decision(self) -> int:
        """Multiply-accumulates of one decision in a stream, where older embeddings are kept."""
        return self.window_macs + self.sequence_macs

    @property
    def macs_without_memory(self) -> int:
        """Multiply-accumulates of one decision from scratch: every window of the context is encoded."""
        return self.context_windows * self.window_macs + self.sequence_macs

    @property
    def window_macs(self) -> int:
        """Multiply-accumulates of one window's embedding: front and encoder."""
        return self.encoder.macs + (self.front.macs(self.encoder.size_px) if self.front is not None else 0)

    @property
    def sequence_macs(self) -> int:
        """Multiply-accumulates of the LSTM over the context, and of the head."""
        recurrent = 0 if self.lstm is None else sum(
            weight.numel() for name, weight in self.lstm.named_parameters() if name.startswith("weight"))
        return self.context_windows * recurrent + sum(
            layer.weight.numel() for layer in self.head if isinstance(layer, nn.Linear))
