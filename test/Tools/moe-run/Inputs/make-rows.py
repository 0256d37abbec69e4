"""Writes inputs of which the first has no token dimension: `offsets` of two groups, then 2 x 2 tokens `x`."""

import json
import struct
import sys

tensors = {
    "offsets": ("I32", [3], struct.pack("<3i", 0, 1, 4)),
    "x": ("F32", [2, 2, 3], struct.pack("<12f", *range(12))),
}
header, data = {}, b""
for name, (dtype, shape, elements) in tensors.items():
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(elements)]}
    data += elements
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
