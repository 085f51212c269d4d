"""A hint to the processor that an array element is needed soon."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import make_array


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of ``array[index]``; only inside compiled functions.

    Never reads: an index outside the array is harmless. Worth it where a loop works in blocks, because the processor's
    own look-ahead stops whenever the loop turns to something else.
    """
    if not isinstance(array, types.Array) or array.ndim != 1 or not isinstance(index, types.Integer):
        raise TypingError("prefetch: need a one-dimensional array and a whole number")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        hint = ir.FunctionType(ir.VoidType(), [address.type, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", (address.type,), hint)
        read, keep_near, data_cache = flag(0), flag(3), flag(1)
        builder.call(function, [address, read, keep_near, data_cache])
        return context.get_dummy_value()

    return types.void(array, index), generate
