"""Files: atomic writes, run folders, named arrays."""

from pullback.storage.atomic import claim_folder, fresh_folder, write_atomic
from pullback.storage.tensors import load_tensors, save_tensors

__all__ = ["claim_folder", "fresh_folder", "load_tensors", "save_tensors", "write_atomic"]
