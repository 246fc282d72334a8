"""The weights manifest: one table per weights name in ``weights/manifest.toml``.

=================  =====================================================================================
key                meaning
=================  =====================================================================================
``kind``           ``"network"`` (a job's own, the default) or ``"loss-network"`` (used in training only)
``job``            the job that the weights are for; needed for a network
``default``        true for the job's weights that are used when none are named
``network``        key of the network's class in the store's registry; needed for a network
``architecture``   the arguments that the class is built with
``file``           file name in the weights folder, or a list of shards
``url``            where :func:`pipelines.models.store.fetch` gets the file, or a list beside the shards
``sha256``         64 hex digits, or a list; needed without ``url``
``bytes``          size of the file, or a list; needed without ``url``
``licence``        what may be done with the weights; needed
``data``           what they learned from
``command``        what trained or made them
``figures``        measured figures, by table
others             kept as they are (``steps``, ``loss_network``, ...)
=================  =====================================================================================
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from pipelines.errors import WeightsCorrupt
from pipelines.files import write_atomic
from pipelines.languages.translation import _

Kind: TypeAlias = Literal["network", "loss-network"]
KINDS: tuple[Kind, ...] = get_args(Kind)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What weights may be called."""

_ORDER = ("kind", "job", "default", "network", "file", "url", "sha256", "bytes", "architecture", "licence", "data",
          "command")  # fmt: skip
_TEXTS = ("job", "network", "licence", "data", "command")
_HASH = re.compile(r"[0-9a-f]{64}")
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8})\.")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = "# Weights that Philtrum knows; pipelines/models/manifest.py says what the keys mean.\n"


@dataclass(frozen=True)
class WeightsFile:
    """One file of an entry.

    Attributes:
        name: relative to the weights folder.
        url: where it can be fetched, or None.
        sha256: 64 hex digits, or None where only the first download will tell.
        bytes: size, or None where only the first download will tell.
    """

    name: str
    url: str | None
    sha256: str | None
    bytes: int | None

    @property
    def hash_start(self) -> str:
        """The first eight hex digits of the SHA-256 where the name carries them, as torchvision's do; else empty."""
        found = _HASH_IN_NAME.search(self.name)
        return found[1] if found else ""


@dataclass(frozen=True)
class Entry:
    """Everything that the manifest says about weights; the module's text explains the keys."""

    name: str
    kind: Kind
    files: tuple[WeightsFile, ...]
    licence: str
    job: str = ""
    default: bool = False
    network: str = ""
    architecture: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    command: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The file's SHA-256; of several shards, the SHA-256 of their digests one after the other. Empty if unknown."""
        digests = [file.sha256 for file in self.files if file.sha256 is not None]
        if len(digests) < len(self.files):
            return ""
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    @property
    def bytes(self) -> int | None:
        """Size of all files together, or None where it is unknown."""
        sizes = [file.bytes for file in self.files if file.bytes is not None]
        return None if len(sizes) < len(self.files) else sum(sizes)

    @property
    def fetchable(self) -> bool:
        """Whether every file has a url."""
        return all(file.url for file in self.files)


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The manifest as plain tables; empty where there is no manifest.

    Raises:
        WeightsCorrupt: the file is no TOML.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsCorrupt(_("The weights manifest is no valid TOML; restore it from the repository.")) from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise _broken(name, _("it must be a table"))
    return tables


def parse(name: str, table: Mapping[str, Any]) -> Entry:
    """Checks one table.

    Raises:
        WeightsCorrupt: the table breaks a rule; the sentence names the table and the rule.
    """
    if not NAME.fullmatch(name):
        raise _broken(name, _("a name has letters, digits, - and _ only"))
    kind = table.get("kind", "network")
    if kind not in KINDS:
        raise _broken(name, _("kind must be one of {choices}").format(choices=", ".join(KINDS)))
    for key in _TEXTS:
        if not isinstance(table.get(key, ""), str):
            raise _broken(name, _("{key} must be a text").format(key=key))
    for key in ("licence",) if kind == "loss-network" else ("licence", "job", "network"):
        if not table.get(key):
            raise _broken(name, _("{key} is missing").format(key=key))
    for key in ("architecture", "figures"):
        if not isinstance(table.get(key, {}), dict):
            raise _broken(name, _("{key} must be a table").format(key=key))
    if not isinstance(table.get("default", False), bool):
        raise _broken(name, _("default must be true or false"))
    known = {*_ORDER, "figures"}
    return Entry(
        name=name,
        kind=kind,
        files=_files(name, kind, table),
        default=table.get("default", False),
        architecture=table.get("architecture", {}),
        figures=table.get("figures", {}),
        details={key: value for key, value in table.items() if key not in known},
        **{key: table.get(key, "") for key in _TEXTS},
    )


def write_tables(path: Path, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the manifest: the same tables always give the same text; the comment on top of the file stays.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomic(path, (_heading(path) + "".join(_table((name,), tables[name]) for name in tables)).encode())


def _files(name: str, kind: Kind, table: Mapping[str, Any]) -> tuple[WeightsFile, ...]:
    urls, names = _list(table.get("url")), _list(table.get("file"))
    if not all(isinstance(url, str) and allowed_url(url) for url in urls):
        raise _broken(name, _("url must start with https://"))
    names = names or [PurePosixPath(urlsplit(url).path).name for url in urls]
    if not names:
        raise _broken(name, _("file or url is missing"))
    if not all(isinstance(file, str) and _inside(file) for file in names) or len(set(names)) < len(names):
        raise _broken(name, _("file must name files inside the weights folder"))
    if kind == "network" and not all(file.endswith(".safetensors") for file in names):
        raise _broken(name, _("a network's file must be a .safetensors file"))
    hashes, sizes = _list(table.get("sha256")), _list(table.get("bytes"))
    if not all(isinstance(digest, str) and _HASH.fullmatch(digest) for digest in hashes):
        raise _broken(name, _("sha256 must be 64 hex digits in lower case"))
    if not all(type(size) is int and size > 0 for size in sizes):
        raise _broken(name, _("bytes must be a positive whole number"))
    fetchable = bool(urls)
    for key, values in (("url", urls), ("sha256", hashes), ("bytes", sizes)):
        if not values and (key == "url" or fetchable):
            values.extend([None] * len(names))
        if len(values) != len(names):
            raise _broken(
                name,
                _("{key} is missing").format(key=key)
                if not values
                else _("{key} and file must be equally many").format(key=key),
            )
    return tuple(map(WeightsFile, names, urls, hashes, sizes))


def allowed_url(url: str) -> bool:
    """Whether weights may come from ``url``: https, or this machine itself."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _inside(file: str) -> bool:
    path = PurePosixPath(file)
    return bool(path.name) and not path.is_absolute() and ".." not in path.parts and not set(file) & set("\\:\0")


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _broken(name: str, rule: str) -> WeightsCorrupt:
    shown = name if NAME.fullmatch(name) else _("one with an odd name")
    return WeightsCorrupt(_("The weights manifest is broken at “{shown}”: {rule}.").format(shown=shown, rule=rule))


def _heading(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return _HEADER
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(f"{line}\n")
    return "".join(comment) or _HEADER


def _table(names: tuple[str, ...], table: Mapping[str, Any]) -> str:
    """TOML of one table; tables inside become their own, except ``architecture``, which fits on a line."""
    keys = [key for key in _ORDER if key in table] + [key for key in table if key not in _ORDER]
    inner = [key for key in keys if isinstance(table[key], Mapping) and key != "architecture"]
    lines = [f"{_key(key)} = {_value(table[key])}\n" for key in keys if key not in inner and table[key] is not None]
    text = f"\n[{'.'.join(map(_key, names))}]\n" + "".join(lines) if lines or not inner else ""
    return text + "".join(_table((*names, key), table[key]) for key in inner)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if hasattr(value, "item"):  # a number of numpy or torch
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"the manifest cannot hold {type(value).__name__}")


def _text(text: str) -> str:
    # JSON's escapes are all TOML's too; DEL alone is allowed bare in JSON and not in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
