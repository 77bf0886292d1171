# SPDX-License-Identifier: Apache-2.0
"""Data sets by name, and from idx and npz files; imports no PyTorch."""

from xnorflow.quant.data.catalog import DatasetInfo, list_datasets, load_dataset
from xnorflow.quant.data.dataset import Dataset

__all__ = ["Dataset", "DatasetInfo", "list_datasets", "load_dataset"]
