"""Writes the weights of config.json to FOLDER/one (one file) and FOLDER/two (two
files and an index), and inputs that do not fit to FOLDER."""

import json
import random
import struct
import sys

from tensor_file import write

experts, hidden, width = 8, 64, 96
folder = sys.argv[1]
rng = random.Random(1)


def bf16(count):
    values = struct.pack(f"<{count}f", *(rng.uniform(-0.1, 0.1) for _ in range(count)))
    return b"".join(values[i + 2 : i + 4] for i in range(0, len(values), 4))


mlp = "model.layers.0.mlp."
shapes = {mlp + "gate.weight": [experts, hidden]}
for e in range(experts):
    for name, shape in ("gate", [width, hidden]), ("up", [width, hidden]), ("down", [hidden, width]):
        shapes[f"{mlp}experts.{e}.{name}_proj.weight"] = shape
tensors = {name: ("BF16", shape, bf16(shape[0] * shape[1])) for name, shape in shapes.items()}
write(f"{folder}/one/model.safetensors", tensors)

shards = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
for i, (name, tensor) in enumerate(tensors.items()):
    shards[sorted(shards)[i % 2]][name] = tensor
for file, content in shards.items():
    write(f"{folder}/two/{file}", content)
weight_map = {name: file for file, content in shards.items() for name in content}
with open(f"{folder}/two/model.safetensors.index.json", "w") as file:
    json.dump({"metadata": {}, "weight_map": weight_map}, file)

write(f"{folder}/narrow.safetensors", {"x": ("BF16", [3, 63], bf16(3 * 63))})
write(f"{folder}/float.safetensors", {"x": ("F32", [3, 64], struct.pack("<192f", *[0.5] * 192))})
write(f"{folder}/other.safetensors", {"y": ("BF16", [3, 64], bf16(3 * 64))})
