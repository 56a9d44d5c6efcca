"""g2pM: how Mandarin characters with several readings are read (Apache-2.0; https://github.com/kakaobrain/g2pM).

Embedding 64, bidirectional LSTM 32, two linear layers, over whole sentences. What is ambiguous, the package lists.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

import edgernn
from benchmarks.third_party.model import Array, ThirdParty
from edgernn.api import Model
from examples.common.packaged import PackagedData

G2PM = PackagedData("g2pM", "0.1.2.5", "weights of g2pM")
FILES = {
    "np_ckpt.pkl": "5b38c21cbaeb5f9b2f5d0bf872487de0fc22f91a3b26189b7d998136d2c8d3ae",
    "char2idx.pkl": "e41861f3af2debb342d3555d970db47b22e5d35c8e0190722dfb9b39c941988c",
    "class2idx.pkl": "b17a497ee9618e6d5c2f7814ab7f847d80a3cb757e92423774781e4d3dc56c49",
    "digest_cedict.pkl": "71e727a041a1d7023a1fbe32bbc23d5f4aa85a9d67fe4d6502fc398ef30b875c",
}
BEGIN, END, UNKNOWN = "시", "끝", "<UNK>"
MOST_CHARACTERS = 32
README = "然而，他红了20年以后，他竟退出了大家的视线。", ("le5", "le5", "da4", "de5")
"""The sentence that the package's documentation shows, and there the readings of its ambiguous characters."""
SENTENCES = (
    README[0],
    "他长得很高，头发也很长。", "银行在这条街的尽头，要往前行走五分钟。", "我们重新数了一遍，一共还差三本没有还。",
    "这件衣服便宜，也很方便穿。", "音乐让人快乐，他乐意天天听。", "她教书教得好，学生都尊重教师。",
    "请你把门关好，别让风把纸刮散了。", "这个会计说明天要开会。", "我觉得你应该睡一觉。",
    "船还没有着陆，他就着急地站起来了。", "参加比赛的人参差不齐。", "他为人民服务，因为这是他的责任。",
    "调查以后，他们调整了空调的温度。", "这座大厦的地基很重，不能重建。", "孩子们都喜欢这里的好空气，爱好运动。",
    "把干净的树干放在干燥的地方。", "那个背着书包的人背对着我。", "中间的隔间不能间断供电。",
    "他量了量房间，质量不错，数量也够。", "传记里写的传说流传了很久。", "降落的时候，敌人投降了。",
    "她只有一只猫，叫声很特别。", "看见处长的时候，请到办事处处理这件事。",
)  # fmt: skip


class Readings(nn.Module):
    """The layers that ``g2pM/g2pM.py`` defines. (1, T) -> (1, T, 876): scores of readings."""

    def __init__(self, characters: int, readings: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, 64)
        self.lstm = nn.LSTM(64, 32, batch_first=True, bidirectional=True)
        self.logit_layer = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, readings))

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        output, _ = self.lstm(self.embedding(characters))
        scores: torch.Tensor = self.logit_layer(output)
        return scores


class _Arrays(pickle.Unpickler):
    """Reads dicts, lists, text, numbers and arrays of NumPy; nothing else can be named in the file."""

    KNOWN: ClassVar = {"_reconstruct": np.zeros(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] != "numpy" or name not in self.KNOWN:
            raise pickle.UnpicklingError(f"an array expected, found {module}.{name}")
        return self.KNOWN[name]


@cache
def stored(name: str) -> dict[str, Any]:
    """A file of the package."""
    content = G2PM.file(f"g2pM/{name}", FILES[name]).read_bytes()
    found: dict[str, Any] = _Arrays(io.BytesIO(content)).load()
    return found


@cache
def readings() -> Readings:
    """The layers with their weights."""
    weights = {name: torch.from_numpy(np.asarray(array)) for name, array in stored("np_ckpt.pkl").items()}
    module = Readings(len(weights["embedding.weight"]), len(weights["logit_layer.2.bias"]))
    module.load_state_dict(weights)
    return module.eval()


def characters(sentence: str) -> Array:
    """Indices of the characters between those of the beginning and of the end."""
    known = stored("char2idx.pkl")
    return np.array([known.get(c, known[UNKNOWN]) for c in (BEGIN, *sentence, END)], np.int64)


def ambiguous(sentence: str) -> list[int]:
    """Which of ``characters`` have several readings."""
    known = stored("digest_cedict.pkl")
    return [k for k, character in enumerate(sentence, 1) if len(known.get(character, ())) > 1]


def read(scores: Array) -> list[str]:
    """The likeliest reading of each character."""
    names = {index: name for name, index in stored("class2idx.pkl").items()}
    return [names[int(index)] for index in scores.argmax(axis=1)]


class G2pM(ThirdParty):
    """From the weights of the package, for whole sentences; the original is the module in PyTorch."""

    name = "g2pm"
    title = "g2pM 0.1.2.5 (readings of characters)"
    packages = (G2PM,)
    metric = "same readings, %"
    least = 98.0
    segments = True

    def convert(self) -> Model:
        return edgernn.convert(readings(), inputs="int:1,T", name=self.name, mode="segment", max_frames=MOST_CHARACTERS)

    def calibration(self) -> list[Array]:
        return [characters(sentence) for sentence in SENTENCES[1::2]]

    def test(self) -> list[Array]:
        return [characters(sentence) for sentence in SENTENCES[::2]]

    def original(self, frames: Array) -> Array:
        with torch.no_grad():
            return np.asarray(readings()(torch.from_numpy(frames)[None])[0].numpy())

    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        same = [
            a[k].argmax() == b[k].argmax()
            for sentence, a, b in zip(SENTENCES[::2], wanted, found, strict=True)
            for k in ambiguous(sentence)
        ]
        return 100 * float(np.mean(same))
