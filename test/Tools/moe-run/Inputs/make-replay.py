"""Writes inputs with a routing: 2 x 3 tokens, every token to experts 5 and 0."""

import struct
import sys

import tensor_file

tokens, hidden, slots = 6, 64, 2
tensors = {
    "x": ("BF16", [2, 3, hidden], struct.pack(f"<{tokens * hidden}H", *(0x3F80 + i % 7 for i in range(tokens * hidden)))),
    "ids": ("I32", [2, 3, slots], struct.pack(f"<{tokens * slots}i", *([5, 0] * tokens))),
    "weights": ("F32", [2, 3, slots], struct.pack(f"<{tokens * slots}f", *([0.5, 0.25] * tokens))),
}
tensor_file.write(sys.argv[1], tensors)
