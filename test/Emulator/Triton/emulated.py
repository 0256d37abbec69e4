"""Compiles Triton kernels for a named target, without a GPU, and runs the PTX on
the emulator through the mgpu runtime functions. A report of the emulator ends
the process with status 1."""

import ctypes
import itertools
import os

import numpy as np
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

# Both chips in the orders that differ most; each test runs in all of them.
CHIPS = (80, 90)

_runtime = ctypes.CDLL(os.environ["MOE_EMULATOR_RUNTIME"])
for _name in ("mgpuModuleLoadJIT", "mgpuModuleGetFunction", "mgpuMemAlloc"):
    getattr(_runtime, _name).restype = ctypes.c_void_p

# Numpy has no bf16: such arrays are uint16 and marked by this type name.
_TYPES = {"float32": "fp32", "float16": "fp16", "int32": "i32", "int64": "i64",
          "int8": "i8", "uint16": "bf16", "float64": "fp64"}
# CUtensorMapDataType
_MAP_TYPES = {"float16": 6, "float32": 7, "uint16": 9}


def bf16(values):
    """The nearest bf16 of each value, as uint16 (no NaN)."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def widen(array):
    """The float32 values of an array, bf16 included."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


class Described:
    """An argument that is a host-made tensor descriptor of an array."""

    def __init__(self, array, block, swizzle=None):
        self.array, self.block, self.swizzle = array, list(block), swizzle


def _tensor_map(address, described):
    array, block = described.array, described.block
    rank = array.ndim
    inner = block[-1] * array.itemsize
    # Triton chooses the widest swizzle that the inner dimension fills.
    swizzle = {128: 3, 64: 2, 32: 1}.get(min(inner, 128), 0)
    box = list(block)
    if inner > 128:
        box[-1] = 128 // array.itemsize
    u64, u32 = ctypes.c_uint64 * rank, ctypes.c_uint32 * rank
    result = (ctypes.c_char * 128)()
    _runtime.mgpuTensorMapEncodeTiled(
        result, _MAP_TYPES[array.dtype.name], rank, ctypes.c_void_p(address),
        u64(*reversed(array.shape)), u64(*list(reversed(array.strides))[1:]),
        u32(*reversed(box)), u32(*[1] * rank), 0, swizzle, 0, 0)
    return result


def _signature(argument):
    if isinstance(argument, Described):
        block = ",".join(map(str, argument.block))
        return f"tensordesc<{_TYPES[argument.array.dtype.name]}[{block}]>"
    if isinstance(argument, np.ndarray):
        return "*" + _TYPES[argument.dtype.name]
    return "i32" if isinstance(argument, int) else "fp32"


def compile_kernel(kernel, chip, args, constants, num_warps=4, num_stages=3):
    names = kernel.arg_names
    signature = {n: _signature(a) for n, a in zip(names, args)}
    signature |= {n: "constexpr" for n in names[len(args):]}
    # Arrays are 16-byte aligned, and so is what an integer divisible by 16 says.
    attrs = {(i,): [["tt.divisibility", 16]] for i, a in enumerate(args)
             if isinstance(a, np.ndarray) or (isinstance(a, int) and a % 16 == 0)}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=attrs)
    return triton.compile(source, target=GPUTarget("cuda", chip, 32),
                          options={"num_warps": num_warps, "num_stages": num_stages})


def run(kernel, chip, grid, args, num_warps=4, num_stages=3, **constants):
    """Runs `kernel` on copies of the arrays of `args` and copies them back."""
    compiled = compile_kernel(kernel, chip, args, constants, num_warps, num_stages)
    module = _runtime.mgpuModuleLoadJIT(compiled.asm["ptx"].encode(), 2)
    function = _runtime.mgpuModuleGetFunction(
        ctypes.c_void_p(module), compiled.metadata.name.encode())
    buffers, params = [], []
    for argument in args:
        array = argument.array if isinstance(argument, Described) else argument
        if not isinstance(array, np.ndarray):
            params.append(ctypes.c_int32(array) if isinstance(array, int)
                          else ctypes.c_float(array))
            continue
        address = _runtime.mgpuMemAlloc(
            ctypes.c_uint64(array.nbytes), None, ctypes.c_bool(False))
        buffers.append((address, array))
        _runtime.mgpuMemcpy(ctypes.c_void_p(address), array.ctypes.data_as(ctypes.c_void_p),
                            ctypes.c_size_t(array.nbytes), None)
        if isinstance(argument, Described):
            params.append(_tensor_map(address, argument))
            params += [ctypes.c_int32(n) for n in array.shape]
            params += [ctypes.c_int64(n // array.itemsize) for n in array.strides]
        else:
            params.append(ctypes.c_uint64(address))
    # Scratch memory that these kernels do not use.
    params += [ctypes.c_uint64(0), ctypes.c_uint64(0)]
    pointers = (ctypes.c_void_p * len(params))(
        *[ctypes.cast(ctypes.byref(p), ctypes.c_void_p) for p in params])
    grid = list(grid) + [1] * (3 - len(grid))
    _runtime.mgpuLaunchKernel(
        ctypes.c_void_p(function), *[ctypes.c_ssize_t(n) for n in grid],
        ctypes.c_ssize_t(32 * compiled.metadata.num_warps), ctypes.c_ssize_t(1),
        ctypes.c_ssize_t(1), ctypes.c_int32(compiled.metadata.shared), None,
        pointers, None, ctypes.c_size_t(len(params)))
    for address, array in buffers:
        _runtime.mgpuMemcpy(array.ctypes.data_as(ctypes.c_void_p), ctypes.c_void_p(address),
                            ctypes.c_size_t(array.nbytes), None)
    _runtime.mgpuStreamSynchronize(None)
    return compiled


def matrix(random, rows, columns, dtype, low=-4, high=4):
    """Small integers: products and sums of them are exact in f32."""
    values = random.integers(low, high + 1, (rows, columns))
    return bf16(values) if dtype == "bf16" else values.astype(dtype)


def expect_equal(what, got, expected):
    if not np.array_equal(got, expected):
        wrong = np.argwhere(got != expected)
        raise SystemExit(f"{what}: {len(wrong)} of {got.size} wrong, first at "
                         f"{wrong[0]}: expected {expected[tuple(wrong[0])]}, "
                         f"got {got[tuple(wrong[0])]}")
    print(what, "ok")


def expect_close(what, got, expected, tolerance):
    error = np.max(np.abs(got - expected) / (np.abs(expected) + 1e-30))
    if not error <= tolerance:
        raise SystemExit(f"{what}: relative error {error}, expected at most {tolerance}")
    print(what, "ok")
