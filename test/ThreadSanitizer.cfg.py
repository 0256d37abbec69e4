# What a build with -fsanitize=thread needs to run, tools and unit tests alike.

import os

# OpenMP's runtime is not instrumented. Its tool archer tells the sanitizer what
# forks, joins and barriers order; what the runtime does inside is ignored.
archer = os.path.join(os.path.dirname(config.llvm_tools_dir), "lib", "libarcher.so")
if not os.path.exists(archer):
    lit_config.fatal(f"expected {archer}, a part of LLVM's OpenMP runtime")
config.environment["OMP_TOOL_LIBRARIES"] = archer
# More than one thread on any machine.
config.environment["OMP_NUM_THREADS"] = "3"
# A race ends the program with a signal: no test takes that for the error that
# it expects.
options = ["ignore_noninstrumented_modules=1", "halt_on_error=1", "abort_on_error=1"]
config.environment["TSAN_OPTIONS"] = ":".join(options + [os.environ.get("TSAN_OPTIONS", "")])
config.available_features.add("thread-sanitizer")
