"""A safetensors file of tensors that are given as bytes."""

import json
import os
import struct


def write(path, tensors):
    """Writes `tensors`, (dtype, shape, bytes) under their names, to `path`."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
