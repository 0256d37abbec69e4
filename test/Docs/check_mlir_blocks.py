"""Feeds the MLIR blocks of a Markdown file to moe-opt.

usage: check_mlir_blocks.py FILE [MOE-OPT OPTION...]
"""

import re
import subprocess
import sys

text = open(sys.argv[1], encoding="utf-8").read()
blocks = re.findall(r"^```mlir\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
if not blocks:
    sys.exit(f"{sys.argv[1]}: expected at least one block of MLIR")
for block in blocks:
    result = subprocess.run(["moe-opt", "-", *sys.argv[2:]], input=block, text=True)
    if result.returncode != 0:
        sys.exit(f"moe-opt exited with {result.returncode} on:\n{block}")
print(f"{len(blocks)} blocks")
