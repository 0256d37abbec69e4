"""Copies a bytecode file, moe's dialect version in it raised by one.

A version section is its number (7), its length (1) and the version, the last
two as variable-length integers whose lowest bit marks a single byte.
"""

import sys


def single_byte(value):
    return bytes([value << 1 | 1])


source, target = sys.argv[1:]
data = open(source, "rb").read()
current = b"\x07" + single_byte(1) + single_byte(1)
if data.count(current) != 1:
    sys.exit("expected one version section with version 1")
newer = b"\x07" + single_byte(1) + single_byte(2)
open(target, "wb").write(data.replace(current, newer))
