# Runs the GoogleTest binaries of the build as part of the same suite.

import os

import lit.formats

config.name = "MoE-Unit"
config.suffixes = []
config.test_source_root = os.path.join(config.moe_obj_root, "unittests")
config.test_exec_root = config.test_source_root
config.test_format = lit.formats.GoogleTest(".", "Tests")
for name in ["HOME", "TMP", "TEMP", "ASAN_OPTIONS", "UBSAN_OPTIONS"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]
if "thread" in config.moe_sanitize:
    lit_config.load_config(config, os.path.join(config.moe_src_root, "test", "ThreadSanitizer.cfg.py"))
