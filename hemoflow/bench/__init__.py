"""How fast this installation is on this machine, with the bandwidth that bounds it measured beside every rate."""

from hemoflow.bench.run import NAMES, bench, format_results

__all__ = ["NAMES", "bench", "format_results"]
