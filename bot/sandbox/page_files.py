"""The chat page's files: where they are and how a server gives them out.

Called by `bot.sandbox.server`, which puts `page_routes()` at the root of its address. The page is packaged with the
project (package data), loads nothing from any other host, and its answers say so in a Content-Security-Policy.
"""

from pathlib import Path

from aiohttp import web

HEADERS = {
    # Everything from this server, WebSockets included ('self' covers ws: of the same host); no inline script or style.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The browser keeps a copy but asks each time (304 by the file's date), so that an upgrade shows at once.
    "Cache-Control": "no-cache",
}

# Said here because a machine's own table of types may lack or bend them, and a module of a wrong type does not run.
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def page_folder() -> Path:
    """The folder of index.html."""
    return Path(__file__).parent / "page"


def page_routes() -> list[web.RouteDef]:
    """GET / and one route per file of the page; nothing outside the folder can be named."""
    folder = page_folder()
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in CONTENT_TYPES]
    routes = [_route("/" + path.relative_to(folder).as_posix(), path) for path in files]
    return [_route("/", folder / "index.html"), *routes]


def page_file(name: str) -> web.FileResponse:
    """One of the page's files, for a route of somebody else's; `name` is ours, never a person's."""
    path = page_folder() / name
    return web.FileResponse(path, headers={**HEADERS, "Content-Type": CONTENT_TYPES[path.suffix]})


def _route(address: str, path: Path) -> web.RouteDef:
    headers = {**HEADERS, "Content-Type": CONTENT_TYPES[path.suffix]}

    async def give(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers=headers)

    return web.get(address, give)
