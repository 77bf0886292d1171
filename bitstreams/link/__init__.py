# SPDX-License-Identifier: Apache-2.0
"""The host's end of the link to a board."""

from xnorflow.bitstreams.link.remote import LinkOptions, RemoteAccelerator, RemoteResult
from xnorflow.bitstreams.link.requests import LinkStatistics
from xnorflow.bitstreams.link.spi_port import SpiPort

__all__ = ["LinkOptions", "LinkStatistics", "RemoteAccelerator", "RemoteResult", "SpiPort"]
