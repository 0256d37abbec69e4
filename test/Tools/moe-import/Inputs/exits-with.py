# Runs a command and checks its exit status: exits-with.py STATUS COMMAND...
import subprocess
import sys

status = subprocess.run(sys.argv[2:]).returncode
sys.exit(status != int(sys.argv[1]))
