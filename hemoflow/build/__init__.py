"""From a case to a model and its state: the only part that knows all others."""

from hemoflow.build.check import check_case, describe_plan, format_check, run_length
from hemoflow.build.plan import Plan, load_vessel, make_plan
from hemoflow.build.setup import Setup, make_setup

__all__ = [
    "Plan",
    "Setup",
    "check_case",
    "describe_plan",
    "format_check",
    "load_vessel",
    "make_plan",
    "make_setup",
    "run_length",
]
