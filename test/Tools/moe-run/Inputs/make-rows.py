"""Writes inputs of which the first has no token dimension: `offsets` of two groups, then 2 x 2 tokens `x`."""

import struct
import sys

import tensor_file

tensors = {
    "offsets": ("I32", [3], struct.pack("<3i", 0, 1, 4)),
    "x": ("F32", [2, 2, 3], struct.pack("<12f", *range(12))),
}
tensor_file.write(sys.argv[1], tensors)
