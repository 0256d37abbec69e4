# Configuration of the regression tests. The tools come from the build, FileCheck
# and its like from LLVM.

import os
import shutil
import sys

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "MoE"
config.test_format = lit.formats.ShTest(not llvm_config.use_lit_shell)
config.suffixes = [".mlir", ".test", ".ptx"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.moe_obj_root, "test")

llvm_config.with_system_environment(["HOME", "TMP", "TEMP"])
llvm_config.with_environment("PATH", config.moe_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)

config.substitutions.append(("%PYTHON", sys.executable))
# What loads instrumented code has to be instrumented, too.
sanitizes_threads = "thread" in config.moe_sanitize
host_cc = config.host_cc + (" -fsanitize=thread" if sanitizes_threads else "")
config.substitutions.append(("%host_cc", host_cc))
config.substitutions.append(("%moe_lib", config.moe_lib_dir))
config.substitutions.append(("%moe_src", config.moe_src_root))
config.substitutions.append(("%llvm_tools", config.llvm_tools_dir))

# Tools are named without a path; one that was not built is a failing test.
tools = [
    ToolSubst(name, unresolved="fatal" if os.environ.get("CI") else "ignore")
    for name in sorted(os.listdir(config.moe_tools_dir))
    if name.startswith("moe-")
]
llvm_config.add_tool_substitutions(tools, [config.moe_tools_dir, config.llvm_tools_dir])

# The Python of the integration tests, with the packages of their requirements.
moe_python = os.environ.get("MOE_PYTHON")
if moe_python:
    config.substitutions.append(("%moe_python", moe_python))
    config.available_features.add("transformers")

# What the machine offers, for `REQUIRES:`.
with open("/proc/cpuinfo") as cpuinfo:
    flags = next((l.split() for l in cpuinfo if l.startswith("flags")), [])
for feature in ["avx2", "avx512f", "avx512_bf16"]:
    if feature in flags:
        config.available_features.add(feature)
if shutil.which("ptxas"):
    config.available_features.add("ptxas")
if os.path.exists("/sys/kernel/mm/transparent_hugepage"):
    config.available_features.add("large-pages")
if config.moe_sanitize:
    config.available_features.add("sanitize")
if sanitizes_threads:
    lit_config.load_config(config, os.path.join(config.test_source_root, "ThreadSanitizer.cfg.py"))
