"""Runs the shell blocks of a Markdown file, in order, in the current folder.

usage: run_examples.py FILE
"""

import re
import subprocess
import sys

text = open(sys.argv[1], encoding="utf-8").read()
blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
if not blocks:
    sys.exit(f"{sys.argv[1]}: expected at least one block of shell commands")
for block in blocks:
    print(block, flush=True)
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", block])
    if result.returncode != 0:
        sys.exit(f"exited with {result.returncode}:\n{block}")
