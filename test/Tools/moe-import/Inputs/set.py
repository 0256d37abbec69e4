# Prints a config.json with some keys changed: KEY=JSON sets one, KEY= removes it.
import json
import sys

with open(sys.argv[1]) as file:
    config = json.load(file)
for change in sys.argv[2:]:
    key, value = change.split("=", 1)
    if value:
        config[key] = json.loads(value)
    else:
        del config[key]
json.dump(config, sys.stdout, indent=1)
