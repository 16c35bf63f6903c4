"""The two ways hemoflow refuses to go on; both end in one message and no traceback."""

from __future__ import annotations


class InputError(Exception):
    """The user's input cannot be used: says what, where, the value and the remedy. Exit code 2."""


class RunError(Exception):
    """A run cannot go on: says what happened, when, where, and what to change. Exit code 1."""
