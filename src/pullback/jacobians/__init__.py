"""Jacobian-vector products, and Jacobians and Hessians where they are small enough to build."""

from .matrices import hessian, jacobian
from .products import hvp, jvp

__all__ = ["hessian", "hvp", "jacobian", "jvp"]
