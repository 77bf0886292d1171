# SPDX-License-Identifier: Apache-2.0
"""Windows of convolutions and pools, as ONNX states them."""

from __future__ import annotations

from dataclasses import replace

from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.ir import Window

__all__ = ["conv_window", "patch_window", "pool_window"]

LARGEST = 1 << 20
"""No size of a window is larger."""


def conv_window(node: OnnxNode, kernel: tuple[int, ...], image: tuple[int, ...]) -> Window:
    """Windows of a convolution with ``kernel`` over an image ``(height, width)``."""
    if node.integers("kernel_shape", kernel) != tuple(kernel):
        raise node.fail(f"must have the kernel_shape of its kernels, {tuple(kernel)}")
    return padded(node, unpadded(node, kernel), image)


def pool_window(node: OnnxNode, image: tuple[int, ...]) -> Window:
    """Windows of a pool over an image ``(height, width)``; the last ones may need more padding."""
    kernel = node.integers("kernel_shape")
    if len(kernel) not in (1, 2):
        raise node.fail("must have a kernel_shape of one or two sizes")
    window = padded(node, unpadded(node, kernel), image)
    top, left, bottom, right = window.padding
    if max(top, bottom) >= window.extent[0] or max(left, right) >= window.extent[1]:
        raise node.fail(f"must have less padding {window.padding} than its kernel has pixels")
    return reaching(window, image) if node.integer("ceil_mode", 0) else window


def patch_window(node: OnnxNode) -> Window:
    """Windows of FINN's ``Im2Col``, whose attributes have names of their own."""
    kernel, stride = node.integers("kernel_size"), node.integers("stride")
    dilations, pads = node.integers("dilations", (1, 1)), node.integers("pad_amount", (0,) * 4)
    if [len(kernel), len(stride), len(dilations), len(pads)] != [2, 2, 2, 4]:
        raise node.fail("must have sizes of two axes")
    named = {"strides": stride, "dilations": dilations, "pads": pads}
    plain = replace(node, attributes=named)
    return padded(plain, unpadded(plain, kernel), ())


def unpadded(node: OnnxNode, kernel: tuple[int, ...]) -> Window:
    """The windows without padding."""
    axes = len(kernel)
    sizes = {name: node.integers(name, (1,) * axes) for name in ("strides", "dilations")} | {
        "kernel": kernel
    }
    for name, values in sizes.items():
        if len(values) != axes or not all(1 <= value <= LARGEST for value in values):
            raise node.fail(f"must have {axes} sizes of 1..{LARGEST} as its {name}, not {values}")
    heights = (1,) * (2 - axes)
    return Window(
        kernel=heights + tuple(kernel),  # type: ignore[arg-type] # two sizes
        stride=heights + sizes["strides"],  # type: ignore[arg-type]
        dilation=heights + sizes["dilations"],  # type: ignore[arg-type]
    )


def padded(node: OnnxNode, window: Window, image: tuple[int, ...]) -> Window:
    """``window`` with the padding that the node states."""
    mode = node.word("auto_pad", "NOTSET") or "NOTSET"
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        return replace(window, padding=same_padding(window, image, upper=mode == "SAME_UPPER"))
    if mode not in ("NOTSET", "VALID"):
        raise node.fail(f"must have an auto_pad that ONNX knows, not {mode!a}")
    axes = 2 if "pads" not in node.attributes else len(node.integers("pads")) // 2
    pads = node.integers("pads", (0,) * 4) if mode == "NOTSET" else (0,) * (2 * axes)
    if len(pads) not in (2, 4) or not all(0 <= pad <= LARGEST for pad in pads):
        raise node.fail(f"must have pads of 0..{LARGEST} before and behind each axis, not {pads}")
    before, behind = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    zeros = (0,) * (2 - len(before))
    return replace(window, padding=(*zeros, *before, *zeros, *behind))  # type: ignore[arg-type]


def same_padding(
    window: Window, image: tuple[int, ...], *, upper: bool
) -> tuple[int, int, int, int]:
    """Padding that gives as many windows as there are pixels, divided by the stride."""
    totals = [
        max((-(-size // stride) - 1) * stride + extent - size, 0)
        for size, stride, extent in zip(image, window.stride, window.extent, strict=True)
    ]
    smaller = [total // 2 for total in totals]
    larger = [total - half for total, half in zip(totals, smaller, strict=True)]
    before, behind = (smaller, larger) if upper else (larger, smaller)
    return before[0], before[1], behind[0], behind[1]


def reaching(window: Window, image: tuple[int, ...]) -> Window:
    """``window`` with more padding behind, so that the last pixels are in one."""
    before, behind = window.padding[:2], list(window.padding[2:])
    for axis in range(2):
        stride, extent = window.stride[axis], window.extent[axis]
        room = image[axis] + before[axis] + behind[axis] - extent
        count = -(-room // stride) + 1
        if (count - 1) * stride >= image[axis] + before[axis]:
            count -= 1  # a window that sees nothing is left out
        behind[axis] = max(behind[axis], (count - 1) * stride + extent - image[axis] - before[axis])
    return replace(window, padding=(*before, *behind))  # type: ignore[arg-type] # four sizes
