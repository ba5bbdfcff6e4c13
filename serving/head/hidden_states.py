"""Mean hidden states of texts in chosen layers of a frozen language model."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labs_schema.errors import ModelError

Hidden = NDArray[np.float32]
VERSION = 1
"""Increment when the same text gives other states."""
WINDOW = 2048
"""Tokens that are read together; longer texts are read in windows."""
BATCH_TOKENS = 4096


class HiddenStates(Protocol):
    """The states of one model. `width`: the states' length, over all chosen layers."""

    width: int

    def means(self, texts: Sequence[str]) -> Hidden:
        """(n, width): the mean over each text's tokens, layer after layer; zeros for a text without tokens."""
        ...

    def close(self) -> None: ...


class TransformersHiddenStates:
    """Runs the layers up to the last chosen one. `layers`: 1 is the first. Uses a GPU if there is one.

    Raises ModelError if the model cannot be loaded or has fewer layers.
    """

    def __init__(self, weights: str, tokenizer: Any, layers: Sequence[int], dtype: str) -> None:
        import torch
        import transformers

        transformers.logging.disable_progress_bar()
        self._tokenizer, self._layers = tokenizer, tuple(layers)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            model: Any = transformers.AutoModel.from_pretrained(weights, dtype=getattr(torch, dtype))
        except (ValueError, OSError, RuntimeError) as error:
            raise ModelError(f"transformers cannot load {weights}: {error}", code="bad-weights") from error
        if not hasattr(model, "layers") or len(model.layers) < max(layers):
            raise ModelError(
                f"{weights}: has no layer {max(layers)}. Choose other head.layers.", code="unsupported-model"
            )
        model.layers = model.layers[: max(layers)]
        self._model = model.to(self._device).eval()
        self._states: dict[int, Any] = {}
        for layer in self._layers:
            model.layers[layer - 1].register_forward_hook(self._keep(layer))
        self.width = len(self._layers) * int(model.config.hidden_size)

    def means(self, texts: Sequence[str]) -> Hidden:
        windows = [(text, window) for text, content in enumerate(texts) for window in self._windows(content)]
        windows.sort(key=lambda each: len(each[1]))
        sums, counts = np.zeros((len(texts), self.width)), np.zeros(len(texts))
        while windows:
            size = max(1, BATCH_TOKENS // len(windows[-1][1]))
            windows, batch = windows[:-size], windows[-size:]
            for (text, _), (total, tokens) in zip(batch, self._sums([ids for _, ids in batch]), strict=True):
                sums[text] += total
                counts[text] += tokens
        means: Hidden = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
        return means

    def close(self) -> None:
        del self._model

    def _windows(self, text: str) -> list[list[int]]:
        ids = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return [ids[start : start + WINDOW] for start in range(0, len(ids), WINDOW)]

    def _sums(self, batch: Sequence[list[int]]) -> list[tuple[NDArray[np.float64], int]]:
        """The sum of each window's states, and the number of its tokens that are in it."""
        import torch

        longest = max(map(len, batch))
        ids = torch.tensor([[*window, *[0] * (longest - len(window))] for window in batch], device=self._device)
        mask = torch.tensor([[1] * len(w) + [0] * (longest - len(w)) for w in batch], device=self._device)
        with torch.inference_mode():
            self._model(input_ids=ids, attention_mask=mask, use_cache=False)
            # The first token's state is an attention sink a hundred times as long as the others (Xiao et al. 2023,
            # Efficient Streaming Language Models with Attention Sinks), and would outweigh a short program.
            used = mask.clone()
            used[mask.sum(1) > 1, 0] = 0
            pooled = [(self._states[layer].float() * used[..., None]).sum(1) for layer in self._layers]
        sums = torch.cat(pooled, dim=1).double().cpu().numpy()
        return list(zip(sums, used.sum(1).tolist(), strict=True))

    def _keep(self, layer: int) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            self._states[layer] = output[0] if isinstance(output, tuple) else output

        return hook
