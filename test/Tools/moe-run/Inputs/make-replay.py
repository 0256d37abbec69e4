"""Writes inputs with a routing: 2 x 3 tokens, every token to experts 5 and 0."""

import json
import struct
import sys

tokens, hidden, slots = 6, 64, 2
tensors = {
    "x": ("BF16", [2, 3, hidden], struct.pack(f"<{tokens * hidden}H", *(0x3F80 + i % 7 for i in range(tokens * hidden)))),
    "ids": ("I32", [2, 3, slots], struct.pack(f"<{tokens * slots}i", *([5, 0] * tokens))),
    "weights": ("F32", [2, 3, slots], struct.pack(f"<{tokens * slots}f", *([0.5, 0.25] * tokens))),
}
header, data = {}, b""
for name, (dtype, shape, elements) in tensors.items():
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(elements)]}
    data += elements
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
