"""The `hemoflow` command: parses, calls one public function, prints.

Everything heavy is imported inside the verb that needs it.

Exit codes: 0 success, 2 bad input, 75 stopped early and can be resumed, 130 interrupted (Ctrl-C; a run counts as stopped
early), 1 anything else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hemoflow.errors import InputError, RunError
from hemoflow.terminal import (
    catalogue_line,
    indented,
    result_line,
    result_summary,
    score_summary,
    show,
    vessel_facts,
    vessel_text,
)

app = typer.Typer(
    name="hemoflow",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Circulating tumor cells in capillary blood flow: simulate, score, report.\n\n"
    "Example: hemoflow run runs/quickstart/case.toml --out out\n\n"
    "Any command takes --debug, which shows the full traceback of an error.",
)
vessel_app = typer.Typer(
    no_args_is_help=True, help="Read, make and picture vessels.\n\nExample: hemoflow vessel info lung.stl --unit um"
)
app.add_typer(vessel_app, name="vessel")

CaseFile = Annotated[Path, typer.Argument(metavar="CASE.toml", help="the case file")]
RunFolder = Annotated[Path, typer.Argument(metavar="DIR", help="the folder of a run")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else")]
Until = Annotated[str | None, typer.Option(help='simulated time to stop at, with its unit, e.g. "20 ms"')]
Devices = Annotated[
    int | None, typer.Option(min=1, help="devices that share the lumen; default 1, or all where processes run together")
]
Override = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help="replace one value of the case file")
]
Unit = Annotated[str | None, typer.Option(help="length unit of a file that has none: um, mm, m")]
Kind = Annotated[str | None, typer.Option("--kind", help="surface or network, where the file's type does not tell")]
Openings = Annotated[
    list[str] | None,
    typer.Option(
        "--opening",
        metavar="NAME=X,Y,Z",
        help='name the opening of a surface nearest to a point, e.g. "artery=0 um,0 um,0 um"; once for each',
    ),
]


@app.command()
def run(
    case: CaseFile,
    out: Annotated[Path | None, typer.Option(help="run folder; default: the folder `out` beside the case file")] = None,
    overrides: Override = None,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu")] = "auto",
    until: Until = None,
    devices: Devices = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="show no progress")] = False,
) -> None:
    """Run a case: simulate, write, score and report; an unfinished run of the same case in DIR goes on.

    Example: hemoflow run runs/quickstart/case.toml --out out --set flow.pressure_drop="60 Pa"
    """
    if device not in ("auto", "cpu", "gpu"):
        raise InputError(f"--device {device!r}: one of auto, cpu, gpu")
    _existing_file(case)
    from hemoflow.run import run_case

    _check_fate(case, [*(overrides or []), *([f"run.until={until}"] if until else [])])
    folder = out if out is not None else case.parent / "out"
    code = run_case(case, folder, overrides or [], device=(device, devices), until=until, progress=not quiet)
    raise typer.Exit(_conclude(folder, code))


@app.command()
def check(case: CaseFile, overrides: Override = None, as_json: Json = False) -> None:
    """Validate a case and print what the solver would do, without running it.

    Example: hemoflow check runs/quickstart/case.toml
    """
    _existing_file(case)
    from hemoflow.build import check_case, format_check
    from hemoflow.case import read_case

    report = check_case(read_case(case, overrides or []))
    show(report, as_json, format_check)


@app.command()
def resume(folder: RunFolder, until: Until = None, devices: Devices = None) -> None:
    """Continue an unfinished run exactly where its last checkpoint stands.

    Example: hemoflow resume out
    """
    _existing_folder(folder)
    from hemoflow.run import resume as resume_run

    raise typer.Exit(_conclude(folder, resume_run(folder, until=until, device=("auto", devices))))


@app.command()
def score(folder: RunFolder, as_json: Json = False) -> None:
    """Compute survival, arrest, exit and transit again from the files of a run; no solver is needed.

    Example: hemoflow score out --json
    """
    _existing_folder(folder)
    from hemoflow.fate.score import write_score

    show(write_score(folder), as_json, indented)


@app.command()
def report(folder: RunFolder) -> None:
    """Write report.html (self-contained) and figures/ of a run.

    Example: hemoflow report out
    """
    _existing_folder(folder)
    from hemoflow.fate.report import write_report

    write_report(folder)
    typer.echo(str(folder / "report.html"))


@app.command()
def verify(folder: RunFolder, as_json: Json = False) -> None:
    """Check the integrity of every file of a run; names the damaged ones and exits 1 if there are any.

    Example: hemoflow verify out
    """
    _existing_folder(folder)
    from hemoflow.output.reader import verify_folder

    damaged = [str(item) for item in verify_folder(folder)]
    show(
        {"folder": str(folder), "damaged": damaged},
        as_json,
        lambda _: "\n".join(damaged) or "every file is as it was written",
    )
    raise typer.Exit(1 if damaged else 0)


@app.command()
def validate(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="case ids or table names; default all")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="a table of reference values; default: every shipped one")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="lower resolution, seconds per case, with its wider tolerance")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="list the cases and whether each has a runner")] = False,
    precision: Annotated[str, typer.Option(help="float64 or float32")] = "float64",
    picture: Annotated[
        Path | None, typer.Option(help="draw the table `passage` over its measurements: .png .pdf .svg")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run reference cases with the solver and compare; exits 0 only when all judged rows pass and none is unsupported.

    Example: hemoflow validate flow_ducts --quick
    """
    from hemoflow.validate import run as validation

    if only_list:
        entries = validation.catalogue(table, ids or [])
        show(entries, as_json, lambda rows: "\n".join(catalogue_line(row) for row in rows))
        return
    progress = None if as_json else lambda row: typer.echo(result_line(row))
    results = validation.validate(ids or [], table, quick, precision, progress)
    if picture is not None:
        from hemoflow.validate.slit_picture import draw

        draw(picture, table)
    show(results, as_json, result_summary)
    raise typer.Exit(validation.exit_code(results))


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="benchmarks; default all")] = None,
    size: Annotated[int | None, typer.Option(help="nodes along a side, nodes per 50 um, or replicas")] = None,
    steps: Annotated[int | None, typer.Option(help="time steps of one measurement")] = None,
    precision: Annotated[str, typer.Option(help="float32 or float64")] = "float32",
    as_json: Json = False,
) -> None:
    """Measure speed on this machine, beside the copy bandwidth that limits it.

    Names: fluid-box, fluid-vessel, cells-0, cells-10, cells-20, cells-40, transit, ensemble.

    Example: hemoflow bench fluid-box fluid-vessel
    """
    from hemoflow.bench import bench as run_benchmarks
    from hemoflow.bench import format_results

    show(run_benchmarks(names or (), size, steps, precision), as_json, format_results)


@app.command()
def cite(
    case: CaseFile,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="print BibTeX entries")] = False,
    as_json: Json = False,
) -> None:
    """List the references that a case rests on.

    Example: hemoflow cite runs/quickstart/case.toml --bibtex
    """
    _existing_file(case)
    from hemoflow.citations import cited_by

    entries = cited_by(case)
    show(
        entries,
        as_json,
        lambda rows: "\n\n".join(row["bibtex"] for row in rows) if bibtex else "\n".join(row["text"] for row in rows),
    )


@app.command()
def info(as_json: Json = False) -> None:
    """Print versions, devices, which native kernels are in use and why.

    Example: hemoflow info --json
    """
    from hemoflow.info import describe, format_info

    show(describe(), as_json, format_info)


@vessel_app.command("info")
def vessel_info(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="a surface mesh or a network file")],
    unit: Unit = None,
    kind: Kind = None,
    openings: Openings = None,
    as_json: Json = False,
) -> None:
    """Read a vessel and print its size, lumen volume, openings and repairs.

    Example: hemoflow vessel info meshes/constriction.stl --unit um
    """
    show(vessel_facts(_read(path, unit, kind, openings)), as_json, vessel_text)


@vessel_app.command("make")
def vessel_make(
    name: Annotated[
        str,
        typer.Argument(metavar="FORMULA", help="tube, channel, constriction, bifurcation, serpentine, honeycomb, box"),
    ],
    out: Annotated[Path, typer.Option(help="surface mesh to write, coordinates in micrometres: .stl .ply .obj .vtu")],
    parameters: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=QUANTITY", help='e.g. diameter="12 um"')
    ] = None,
) -> None:
    """Make a vessel from a formula and write its wall as a surface mesh.

    Example: hemoflow vessel make tube --set length="100 um" --set diameter="12 um" --out tube.stl
    """
    from hemoflow.case.formulas import read_parameters
    from hemoflow.geometry.formula import make_vessel

    given = read_parameters(name, dict(_pair(item) for item in parameters or []))
    vertices, faces = make_vessel(name, (), **given).surface()
    import meshio

    meshio.Mesh(vertices * 1e6, [("triangle", faces)]).write(out)
    typer.echo(f"{out}: {len(vertices)} vertices, {len(faces)} faces, unit um")


@vessel_app.command("preview")
def vessel_preview(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="a surface mesh or a network file")],
    out: Annotated[Path, typer.Option(help="picture to write")] = Path("vessel.png"),
    unit: Unit = None,
    kind: Kind = None,
    openings: Openings = None,
) -> None:
    """Draw a vessel and its openings.

    Example: hemoflow vessel preview meshes/constriction.stl --unit um --out vessel.png
    """
    vessel = _read(path, unit, kind, openings)
    from hemoflow.geometry.preview import preview

    preview(vessel, out)
    typer.echo(str(out))


def main() -> None:
    """Entry point: turns the two kinds of refusal, and anything unforeseen, into one message and an exit code."""
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        app()
    except (InputError, RunError) as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            typer.echo("error: there is not enough memory; choose a larger resolution.node_spacing or crop the vessel, or take "
                       f"a larger machine ({str(error).splitlines()[0] if str(error) else type(error).__name__})", err=True)  # fmt: skip
            sys.exit(1)
        typer.echo(f"error: {type(error).__name__}: {error} (the same command with --debug shows where)", err=True)
        sys.exit(1)


def _existing_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such file")


def _existing_folder(path: Path) -> None:
    if not path.is_dir():
        raise InputError(f"{path}: no such folder")


def _check_fate(case: Path, overrides: list[str]) -> None:
    """Refuses a wrong value in [fate] before anything runs: scoring comes after hours of simulation."""
    from hemoflow.case import read_case
    from hemoflow.fate.check import check_fate

    check_fate(read_case(case, overrides).fate)


def _conclude(folder: Path, code: int) -> int:
    """Score and report what a run left, also one that stopped early; prints where to look."""
    from hemoflow.parallel.processes import leads

    if not leads():
        return code
    if code == 75 and not any(folder.glob("checkpoint_*.h5")):
        typer.echo("stopped before the first step, nothing is kept; the same command starts the run")
        return code
    from hemoflow.fate.report import write_report
    from hemoflow.fate.score import write_score
    from hemoflow.output.provenance import record_checksums

    score = write_score(folder)
    write_report(folder)
    figures = sorted(f"figures/{path.name}" for path in (folder / "figures").glob("*"))
    record_checksums(folder, ["score.json", "report.html", *figures])
    typer.echo(score_summary(score))
    typer.echo(f"\nresults: {folder / 'results.vtkhdf'} (ParaView 5.13 or newer), report: {folder / 'report.html'}")
    if code == 75:
        typer.echo(f"stopped early; go on with: hemoflow resume {folder}")
    return code


def _read(path: Path, unit: str | None, kind: str | None, openings: list[str] | None = None) -> Any:
    _existing_file(path)
    from hemoflow.geometry.read import read_vessel

    return read_vessel(path, unit, kind=kind, openings=[_place(text) for text in openings or []])


def _place(text: str) -> tuple[str, Any]:
    """A named point (3,) m from NAME=X,Y,Z."""
    import numpy as np

    from hemoflow.schema import length

    name, equals, place = text.partition("=")
    parts = place.split(",")
    if not equals or not name.strip() or len(parts) != 3:
        raise InputError(f'--opening {text!r}: expected NAME=X,Y,Z with units, such as "artery=0 um,0 um,0 um"')
    return name.strip(), np.array([length(part.strip()) for part in parts])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"--set {text!r}: expected NAME=VALUE")
    return name.strip(), value.strip()
