"""What a user may ask: the case file, read into one typed record in SI, and written out again in full."""

from hemoflow.case.reading import read_case, read_case_text
from hemoflow.case.record import Case
from hemoflow.case.writing import case_text

__all__ = ["Case", "case_text", "read_case", "read_case_text"]
