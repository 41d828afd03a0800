"""Pretrained models where they lie: found, checked, loaded once, and never trained in place."""

from __future__ import annotations

import copy
import hashlib
import importlib
import inspect
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor, nn

from ._forms import Form

# Models in memory that some estimator still uses: several of the same one share their weights.
_loaded: WeakValueDictionary[tuple[str, float], nn.Module] = WeakValueDictionary()
# Values of a parameter that tell models apart.
_READ = 16
# A tokenizer that knows no length says so by a number like 10³⁰.
_NO_LENGTH = 10**6


def need(package: str) -> Any:
    """Import an optional package.

    Parameters
    ----------
    package : str

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"PretrainedTrunk needs the package {package}, which cannot be imported ({error}). Install it with "
            "pip install 'skmtl[pretrained]'."
        ) from error


class Backbone:
    """A pretrained model of transformers: a folder, or the name of a model that is on this machine.

    It is loaded when it is first asked for, in float32, and shared by all that ask. Copies and pickles of this object
    hold where the model lies, not its weights.

    Parameters
    ----------
    source : str or path
        A folder with `config.json`, weights and, for texts, a tokenizer; or a name in the cache of transformers.
    local_files_only : bool, default=True
        False lets transformers look on the internet for a name that is not on this machine.

    Attributes
    ----------
    fingerprint : str or None
        Of the weights, once they were loaded: what is loaded later must be the same.

    Examples
    --------
    >>> from skmtl.features import Backbone
    >>> Backbone("./minilm").load()
    Traceback (most recent call last):
    ...
    ValueError: The folder of the pretrained model, './minilm', is not there. ...
    """

    def __init__(self, source: str | os.PathLike[str], local_files_only: bool = True) -> None:
        source = os.fspath(source)
        # What is fitted here is found from another directory, too.
        self.source = os.path.abspath(source) if os.path.isdir(source) else source
        self.local_files_only = local_files_only
        self.fingerprint: str | None = None
        self._model: nn.Module | None = None
        self._tokenizer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what lies in the folder."""
        return {**self.__dict__, "_model": None, "_tokenizer": None}

    def load(self) -> nn.Module:
        """Return the model itself, in evaluation mode; nobody may change it.

        Raises
        ------
        ImportError
            If transformers is not installed.
        ValueError
            If the model is not there, cannot be read, is of another kind, or is not the one that was loaded before.
        """
        if self._model is None:
            place = self._place()
            key = (os.path.realpath(place), _changed(place))
            model = _loaded.get(key)
            if model is None:
                model = self._load(place)
                _loaded[key] = model
            found = _fingerprint(model)
            if self.fingerprint not in (None, found):
                raise ValueError(
                    f"The model in {self.source!r} is not the one that was there at fit. Put that one back, or fit "
                    "anew."
                )
            self.fingerprint, self._model = found, model
        return self._model

    @property
    def form(self) -> Form:
        """What the model reads: texts or images."""
        names = inspect.signature(self.load().forward).parameters
        return Form.IMAGE if "pixel_values" in names else Form.TEXT

    @property
    def n_layers(self) -> int:
        """Layers that the model says it has; 1 if it does not say."""
        config = self.load().config
        stages = len(getattr(config, "depths", ())) or 1  # of convolutional models
        return int(getattr(config, "num_hidden_layers", stages))

    def copy(self) -> nn.Module:
        """Return a copy whose modules are its own, but whose weights still share memory with the model's."""
        model = self.load()
        own = {id(weight): nn.Parameter(weight.detach(), requires_grad=False) for weight in model.parameters()}
        return copy.deepcopy(model, own)

    # Texts ----------------------------------------------------------------------------------------------------------

    def tokens(self, texts: list[str], max_length: int) -> np.ndarray:
        """Return texts as rows of tokens, `(n, L)`: the number of each, from 1 on, and 0 behind a text's end.

        Parameters
        ----------
        texts : list of str
        max_length : int
            Tokens of a text that are read, its special ones included; never more than the model can read.

        Raises
        ------
        ValueError
            If there is no tokenizer.
        """
        limit = self.limit(max_length)
        ids = self.tokenizer()(texts, truncation=True, max_length=limit, return_attention_mask=False)["input_ids"]
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        table = np.zeros((len(ids), max(1, int(lengths.max(initial=1)))), np.int32)
        table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([np.asarray(row, np.int32) for row in ids])
        table[np.arange(table.shape[1]) < lengths[:, None]] += 1
        return table

    def spans(self, texts: list[str], max_length: int) -> list[np.ndarray]:
        """Return where each token of each text begins and ends, in characters, `(L, 2)`; special ones are empty.

        Parameters
        ----------
        texts : list of str
        max_length : int
            As in `tokens`.

        Raises
        ------
        ValueError
            If there is no tokenizer, or it does not know where its tokens stand.
        """
        tokenizer = self.tokenizer()
        if not tokenizer.is_fast:
            raise ValueError(
                f"The tokenizer in {self.source!r}, a {type(tokenizer).__name__}, does not tell where in a text its "
                "tokens stand, so that nothing can be said of words. Save one that does, of the tokenizers package."
            )
        limit = self.limit(max_length)
        found = tokenizer(texts, truncation=True, max_length=limit, return_offsets_mapping=True)["offset_mapping"]
        return [np.asarray(own, np.int64).reshape(-1, 2) for own in found]

    @property
    def special(self) -> np.ndarray:
        """Tokens that stand for no piece of a text, but for its beginning or end; that for what is unknown does."""
        tokenizer = self.tokenizer()
        return np.array(sorted({*tokenizer.all_special_ids} - {tokenizer.unk_token_id}), np.int64)

    def check_length(self, max_length: int) -> None:
        """Refuse a number of tokens that leaves no room for a word.

        Parameters
        ----------
        max_length : int
            Tokens of a text that are read, its special ones included.

        Raises
        ------
        ValueError
            If the special tokens take them all, or there is no tokenizer.
        """
        special = self.tokenizer().num_special_tokens_to_add()
        if max_length <= special:
            raise ValueError(
                f"max_length={max_length} leaves no room for a word: the tokenizer in {self.source!r} puts {special} "
                f"special tokens beside each text, and they count. Set max_length={special + 1} or more."
            )

    def limit(self, max_length: int) -> int:
        """Return the most tokens of a text that are read.

        Parameters
        ----------
        max_length : int
            How many are asked for.
        """
        positions = getattr(self.load().config, "max_position_embeddings", None)
        known = (self.tokenizer().model_max_length, positions)
        return min([max_length, *(int(most) for most in known if most is not None and 0 < most < _NO_LENGTH)])

    def tokenizer(self) -> Any:
        """Return the tokenizer.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self._tokenizer is None:
            transformers, place = need("transformers"), self._place()
            try:
                with _quiet(transformers):
                    self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                        place, local_files_only=self.local_files_only
                    )
            except Exception as error:  # transformers raises all kinds of them
                raise ValueError(
                    f"{self.source!r} holds a model but no tokenizer that can be read ({_first_line(error)}). Save it "
                    "there: tokenizer.save_pretrained(folder)."
                ) from error
            if not len(self._tokenizer) > len(self._tokenizer.all_special_ids):
                self._tokenizer = None
                raise ValueError(
                    f"{self.source!r} holds a model but no tokenizer with a vocabulary. Save it there: "
                    "tokenizer.save_pretrained(folder)."
                )
        return self._tokenizer

    @property
    def padding(self) -> int:
        """The token that stands behind a text's end; any will do, as none of them is read."""
        found = getattr(self.tokenizer(), "pad_token_id", None)
        return 0 if found is None else int(found)

    # Images ---------------------------------------------------------------------------------------------------------

    def check_images(self, shape: tuple[int, ...]) -> None:
        """Refuse images that the model cannot read.

        Parameters
        ----------
        shape : tuple of int
            `(channels, height, width)`.

        Raises
        ------
        ValueError
            If their channels or their size differ from the model's.
        """
        config = self.load().config
        channels, size = getattr(config, "num_channels", shape[0]), getattr(config, "image_size", None)
        sides = shape[1:] if size is None else (size, size) if np.ndim(size) == 0 else tuple(size)
        if shape[0] != channels:
            raise ValueError(
                f"The images of X have {shape[0]} channels, and the model in {self.source!r} reads {channels}. "
                + ("Repeat the channel: np.repeat(X, 3, axis=1)." if (shape[0], channels) == (1, 3) else "Convert X.")
            )
        if shape[1:] != tuple(sides):
            raise ValueError(
                f"The images of X have {shape[1]} × {shape[2]} pixels, and the model in {self.source!r} reads "
                f"{sides[0]} × {sides[1]}. Resize X."
            )

    def normalised(self, pixels: Tensor, largest: float = 1.0) -> Tensor:
        """Return images as the model was trained on them; NaN becomes 0, about the mean.

        Parameters
        ----------
        pixels : Tensor of shape (B, channels, height, width)
        largest : float, default=1.0
            What a pixel is at most: 255 for bytes, 1 for numbers from 0 to 1.
        """
        values = pixels.float() / largest
        mean, scale = (torch.tensor(one, device=pixels.device).view(-1, 1, 1) for one in self._colours(pixels.shape[1]))
        return ((values - mean) / scale).nan_to_num(0.0)

    def _colours(self, n_channels: int) -> tuple[list[float], list[float]]:
        """Return mean and scale of each channel; a half where the folder does not say."""
        hub = importlib.import_module("transformers.utils")
        path = hub.cached_file(
            self._place(),
            "preprocessor_config.json",
            local_files_only=self.local_files_only,
            _raise_exceptions_for_missing_entries=False,
        )
        said: dict[str, Any] = {}
        if path is not None:
            with open(path, encoding="utf-8") as file:
                said = json.load(file)
        parts = (said.get("image_mean", 0.5), said.get("image_std", 0.5))
        mean, scale = (np.broadcast_to(np.asarray(part, float), (n_channels,)).tolist() for part in parts)
        return mean, scale

    # Loading --------------------------------------------------------------------------------------------------------

    def _place(self) -> str:
        """Return the folder that holds the model; its name, if it may be fetched."""
        source = self.source
        if os.path.isdir(source):
            if not os.path.isfile(os.path.join(source, "config.json")):
                held = sorted(os.listdir(source))[:8]
                raise ValueError(
                    f"The folder {source!r} holds no config.json, so it is no model of transformers; it holds {held}. "
                    "Give the folder that save_pretrained wrote."
                )
            return source
        if os.path.exists(source) or os.path.isabs(source) or source.startswith("."):
            kind = "is a file" if os.path.exists(source) else "is not there"
            raise ValueError(
                f"The folder of the pretrained model, {source!r}, {kind}. A fitted estimator needs the folder that it "
                "was fitted with: put it back, or put a link there."
            )
        need("transformers")
        if not self.local_files_only:
            return source
        try:  # transformers itself would ask the internet for what may stand beside a model, told or not
            found: str = need("huggingface_hub").snapshot_download(source, local_files_only=True)
        except Exception as error:  # also if it cannot be a name
            raise ValueError(
                f"There is no folder {source!r}, and no model of that name on this machine. Give a folder, or download "
                "the model first: nothing is fetched."
            ) from error
        return found

    def _load(self, place: str) -> nn.Module:
        transformers = need("transformers")
        try:
            with _quiet(transformers), torch.random.fork_rng(devices=[]):
                found = transformers.AutoModel.from_pretrained(place, local_files_only=self.local_files_only)
        except Exception as error:  # transformers raises all kinds of them
            raise ValueError(f"{place!r} holds no model that transformers can load: {_first_line(error)}") from error
        names = inspect.signature(found.forward).parameters
        one = ("input_ids" in names) + ("pixel_values" in names) == 1
        if not one or "decoder_input_ids" in names:
            raise ValueError(
                f"The model in {self.source!r}, a {type(found).__name__}, reads neither texts alone nor images alone "
                "with one encoder or decoder. Give one like BERT, GPT-2 or ViT."
            )
        pooler = getattr(found, "pooler", None)
        if pooler is not None and list(pooler.parameters()):
            found.pooler = None  # its weights are for a task of its own; representations are pooled here
        model: nn.Module = found.float().eval().requires_grad_(False)
        return model


def _changed(place: str) -> float:
    """Return when a folder's files changed last; 0 for a name."""
    return max((entry.stat().st_mtime for entry in os.scandir(place)), default=0.0) if os.path.isdir(place) else 0.0


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _fingerprint(model: nn.Module) -> str:
    """Return a digest of names, shapes and some values of all weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, weight in model.named_parameters():
        some = weight.detach().flatten()[:_READ].cpu().numpy().tobytes()
        digest.update(f"{name}{tuple(weight.shape)}".encode() + some)
    return digest.hexdigest()


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Let transformers print nothing; what it would have printed is as it was afterwards."""
    logging = transformers.utils.logging
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
