"""Nothing leaves the computer: whatever a request says, the app looks up no name and connects to no other computer.

Two locks, one behind the other. Gradio fetches an address that a request names, be it in ``/gradio_api/file=http…`` or
as the path of a file in an event's data, through the two doors of one library; :func:`shut` closes them, before a name
is looked up. Whatever else would connect, in this release of a library or in the next, fails in the interpreter once
:func:`stay` was called.
"""

import ipaddress
import socket
import sys
from typing import Any, NoReturn

import gradio as gr
from gradio.route_utils import safehttpx

from pipelines.languages.translation import _

_REFUSED = _("Nothing is fetched from an address; save the file on this computer and upload it.")

_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def shut() -> None:
    """Lets gradio fetch no address: a request for one is answered by 403, an event with one by an error."""
    safehttpx.get = safehttpx.async_validate_url = _refuse


def stay() -> None:
    """From now on this process reaches nobody but this computer, until it ends; it can still be reached.

    Looking up a name and connecting elsewhere raise PermissionError. (Where a socket is given a name to connect to,
    Python looks it up before it tells anybody; libraries look names up themselves, and the connection fails in any
    case.)
    """
    sys.addaudithook(_watch)


async def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise gr.Error(_REFUSED, print_exception=False)


def _watch(event: str, arguments: tuple) -> None:
    if event in _CONNECTS:
        link, address = arguments
        # Without an address it goes where the socket is connected already.
        elsewhere = link.family in (socket.AF_INET, socket.AF_INET6) and address and not _is_here(address[0])
    elif event in _LOOKS_UP:
        host = arguments[0]
        elsewhere = host not in (None, "", "localhost") and _number(host) is None
    else:
        return
    if elsewhere:
        raise PermissionError(_("The app connects to no other computer."))


def _is_here(host: str) -> bool:
    number = _number(host)
    return host == "localhost" if number is None else number.is_loopback


def _number(host: str | bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host's text is; None where it is a name, for which somebody would be asked."""
    text = host.decode(errors="replace") if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
