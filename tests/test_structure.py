"""The shape of the code base: readable sizes, names that say something, no trace of the machine it was made on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "hemoflow").rglob("*.py"))
PYTHON = SOURCES + sorted((ROOT / "tests").rglob("*.py"))
TEXT_SUFFIXES = {".py", ".md", ".toml", ".sh", ".cff", ".csv", ".bib", ".txt", ".cc", ".cu", ".h", ".html", ".css"}

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_ARGUMENTS = 400, 60, 6
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "handler", "misc", "common"}
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|root|farm|home|tmp)/\w+|index-url|extra-index")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|NotImplementedError|except Exception:\s*pass")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def project_texts() -> list[Path]:
    """Text files of the project, without run outputs and what tools leave behind."""
    tops = ("hemoflow", "tests", "docs", "benchmarks", "meshes", "runs", ".ci")
    found = [path for top in tops for path in (ROOT / top).rglob("*") if path.is_file()]
    found += [path for path in ROOT.iterdir() if path.is_file()]
    here = Path(__file__).resolve()
    return [
        path
        for path in found
        if (path.suffix in TEXT_SUFFIXES or path.parent.name == ".ci")
        and path != here
        and path.stat().st_size < 2**20
        and not (path.relative_to(ROOT).parts[0] == "runs" and any(part.startswith("out") for part in path.parts))
    ]


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_files_and_functions_fit_on_a_few_screens(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_FILE_LINES
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS)]
    too_long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > MAX_FUNCTION_LINES]
    assert not too_long


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_take_few_arguments(path: Path) -> None:
    commands = path.name == "cli.py"  # a command line has as many options as the command
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTIONS)]
    counts = {
        f.name: len([a for a in f.args.posonlyargs + f.args.args + f.args.kwonlyargs if a.arg not in ("self", "cls")])
        for f in functions
    }
    assert commands or not {name: n for name, n in counts.items() if n > MAX_ARGUMENTS}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_say_what_they_are(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES and not FORBIDDEN_NAMES & set(path.relative_to(ROOT).parts)
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_is_left_unfinished() -> None:
    left = [name(path) for path in SOURCES if UNFINISHED.search(path.read_text())]
    assert not left


def test_no_file_names_a_path_of_the_machine_it_was_made_on() -> None:
    texts = project_texts()
    assert len(texts) > 50
    found = {
        name(path): hit.group() for path in texts if (hit := MACHINE_PATH.search(path.read_text(errors="replace")))
    }
    assert not found


def test_the_core_never_imports_vtk() -> None:
    imports = re.compile(r"^\s*(?:import|from)\s+(?:vtk|vtkmodules|pyvista|paraview)\b", re.M)
    assert not [name(path) for path in SOURCES if imports.search(path.read_text())]


def test_every_test_asserts_something() -> None:
    silent = []
    for path in (path for path in PYTHON if path.name.startswith("test_")):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTIONS)]
        for test in (function for function in functions if function.name.startswith("test")):
            if not re.search(r"\bassert|raises|warns|check_", ast.unparse(test)):
                silent.append(f"{name(path)}:{test.name}")
    assert not silent
