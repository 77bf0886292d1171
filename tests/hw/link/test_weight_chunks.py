# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xnorflow.errors import GraphError
from xnorflow.hw.link import LinkIdentity, weight_chunks
from xnorflow.hw.passes import compile_network, parse_plan
from xnorflow.hw.weight_loading import load_words
from xnorflow.ir import Dataflow, Device


def design(lab: Any, pixels: int, lanes: int) -> Dataflow:
    network = lab.Mlp(widths=(pixels, 16, 5)).network()
    plan = f'{{"image": {{"PE": {lanes}}}, "fc1": {{"PE": 4, "ram_style": "spram"}}}}'
    return compile_network(network, parse_plan(plan, network), device=Device.ICE40)


@pytest.mark.parametrize(("pixels", "room"), [(24, 22), (15, 12), (4, 2)])
def test_all_words_in_chunks_of_an_image(lab: Any, pixels: int, room: int) -> None:
    dataflow = design(lab, pixels, 1)
    chunks, words = weight_chunks(dataflow), load_words(dataflow)
    length = LinkIdentity.of(dataflow, 12_000_000).image_bytes
    assert {len(chunk) for chunk in chunks} == {length}
    assert [int.from_bytes(chunk[:2], "little") for chunk in chunks] == list(range(len(chunks)))
    octets = b"".join(chunk[2 : 2 + room] for chunk in chunks)
    got = np.frombuffer(octets, "<u2")
    assert got[: len(words)].tolist() == words.tolist()
    assert not got[len(words) :].any()
    assert len(got) - len(words) < room // 2


def test_no_chunks_without_weights_to_load(lab: Any) -> None:
    network = lab.Mlp(widths=(3, 4, 5)).network()
    assert weight_chunks(compile_network(network, parse_plan("{}", network))) == ()


def test_images_that_are_too_short_for_a_word(lab: Any) -> None:
    message = r"^the link loads weights in at most 65,535 chunks of an image's size, which 3 bytes "
    with pytest.raises(GraphError, match=message):
        weight_chunks(design(lab, 3, 1))
