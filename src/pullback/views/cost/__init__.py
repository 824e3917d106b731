"""Program -> costs: operations, bytes moved, values kept, Jacobians never built."""

from .amounts import Amount, bytes_text, count_text
from .costs import Cost, CostLine, cost
from .jacobians import JacobianCost
from .residuals import Residual

__all__ = [
    "Amount",
    "Cost",
    "CostLine",
    "JacobianCost",
    "Residual",
    "bytes_text",
    "cost",
    "count_text",
]
