"""The benchmark: this project and its peers on the same work, side by side.

`pullback bench` prints it, `make bench` installs the peers before. It tells ratios, since times are
those of one machine.
"""

from .results import Report, Task, Timed
from .suite import benchmark, names
from .workload import Workload
from .workloads import WORKLOADS

__all__ = ["WORKLOADS", "Report", "Task", "Timed", "Workload", "benchmark", "names"]
