"""Downloads that go on where they stopped."""

from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from pipelines import __version__
from pipelines.errors import WeightsCorrupt, WeightsMissing
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.models.manifest import allowed_url, is_loopback

_CHUNK = 1 << 18
_TIMEOUT = 30  # s without a single byte
_PROMISE = _("run the same command again and it goes on where it stopped.")


def download(
    url: str, part: Path, *, hash_known: bool = True, progress: Callable[[float, str], None] | None = None
) -> None:
    """Downloads ``url`` into ``part``, going on from the bytes that ``part`` already holds.

    Beside ``part`` lies a small note of which version of the file it began with. Where neither that note nor a known
    hash could show that two halves belong together, the download starts over.

    Args:
        url: https, or http on this machine.
        part: the file to fill; the caller checks and renames it.
        hash_known: whether the caller can check the whole file afterwards.
        progress: called with the fraction that is there and a text; if it raises, ``part`` stays for the next time.

    Raises:
        WeightsMissing: no connection, no such file, or the connection broke; ``part`` stays.
        WeightsCorrupt: the server sends something that does not fit together.
        OSError: ``part`` cannot be written.
    """
    note = part.with_name(f"{part.name}.version")
    version = note.read_text() if note.exists() else ""
    have = part.stat().st_size if part.exists() and (version or hash_known) else 0
    response = _open(url, have, version)
    if response is None:  # nothing is left to send: the part is whole, which its hash will show
        return
    with response:
        if response.status != 206:
            have = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise WeightsCorrupt(_("The server answered with another part of the weights than it was asked for."))
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdecimal() else None
        part.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "ab" if have else "wb") as out:
            note.write_text(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
            for chunk in _chunks(response):
                out.write(chunk)
                have += len(chunk)
                if progress:
                    progress(have / total if total else 0.0, _megabytes(have, total))
    if total is not None and have < total:
        raise WeightsMissing(_("The connection broke off; {promise}").format(promise=_PROMISE))
    note.unlink(missing_ok=True)


def discard(part: Path) -> None:
    """Removes a half download and its note."""
    part.unlink(missing_ok=True)
    part.with_name(f"{part.name}.version").unlink(missing_ok=True)


def _open(url: str, have: int, version: str) -> HTTPResponse | None:
    headers = {"User-Agent": f"philtrum/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if version and not version.startswith("W/"):  # a weak tag cannot vouch for bytes
            headers["If-Range"] = version
    # A proxy of the surroundings cannot know this machine's own server.
    opener = build_opener(ProxyHandler({})) if is_loopback(url) else build_opener()
    try:
        response: HTTPResponse = opener.open(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return None
        if error.code == 416:
            return _open(url, 0, "")
        raise WeightsMissing(
            _(
                "The server does not give the weights (HTTP status {code}); try later, or look for a newer address."
            ).format(code=error.code)
        ) from error
    except (OSError, HTTPException) as error:
        raise WeightsMissing(
            _("The server could not be reached; check the connection, then {promise}").format(promise=_PROMISE)
        ) from error
    if not allowed_url(response.url):
        response.close()
        raise WeightsCorrupt(_("The server sends on to an unsafe address; nothing was downloaded."))
    return response


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, HTTPException) as error:
            raise WeightsMissing(_("The connection broke off; {promise}").format(promise=_PROMISE)) from error
        if not chunk:
            return
        yield chunk


def _megabytes(have: int, total: int | None) -> str:
    return (
        _("{have} of {total} MB").format(have=figure(have / 1000000.0, ".1f"), total=figure(total / 1000000.0, ".1f"))
        if total
        else _("{have} MB").format(have=figure(have / 1000000.0, ".1f"))
    )
