"""Look over a built site: ``python docs/make_site/check.py site``.

Every link inside it must lead somewhere, and no page may load anything from another host.
"""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

TAG = re.compile(r"""<([a-z][a-z0-9]*)((?:\s+[\w:@-]+(?:=(?:"[^"]*"|'[^']*'|[^\s>"']+))?)+)\s*/?>""")
ATTRIBUTE = re.compile(r"""([\w:@-]+)=(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")
STYLE = re.compile(r"""(?:url\(|@import\s+)\s*["']?((?:https?:)?//[^"')\s]+)""")


def tags(html: str) -> list[tuple[str, dict[str, str]]]:
    """Every tag that has attributes: ``(name, attributes)``."""
    return [(name, {key: unescape(double or single or bare) for key, double, single, bare in ATTRIBUTE.findall(rest)})
            for name, rest in TAG.findall(html)]


def problems(site: Path) -> list[str]:
    """What is wrong with the site, a sentence each: dead links, missing headings, things loaded from elsewhere."""
    pages = {path.relative_to(site).as_posix(): tags(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    names = {page: {found[key] for _, found in inside for key in ("id", "name") if key in found}
             for page, inside in pages.items()}
    wrong = []
    for page, inside in sorted(pages.items()):
        for tag, found in inside:
            address = found.get("href", found.get("src"))
            if address is None or address.startswith(("mailto:", "data:", "javascript:")):
                continue
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if tag != "a":
                    wrong.append(f"{page}: <{tag}> loads {address} from another host")
                continue
            target = resolved(site, page, unquote(parts.path))
            if target is None:
                wrong.append(f"{page}: {address} leads nowhere")
            elif parts.fragment and unquote(parts.fragment) not in names.get(target, {unquote(parts.fragment)}):
                wrong.append(f"{page}: {address}: {target} has no heading #{parts.fragment}")
    for path in sorted(site.rglob("*.css")):
        wrong += [f"{path.relative_to(site)}: loads {address} from another host"
                  for address in STYLE.findall(path.read_text(encoding="utf-8"))]
    return wrong


def resolved(site: Path, page: str, address: str) -> str | None:
    """The file of the site that an address on a page means, or None where there is none."""
    site = site.resolve()
    folder = site if address.startswith("/") else (site / page).parent
    path = (folder / address.lstrip("/")).resolve() if address else site / page
    path = path / "index.html" if path.is_dir() else path
    return path.relative_to(site).as_posix() if path.is_file() and path.is_relative_to(site) else None


def main(site: str) -> int:
    if not (Path(site) / "index.html").is_file():
        print(f"error: {site} holds no site; make it with `make docs`", file=sys.stderr)
        return 1
    wrong = problems(Path(site))
    for sentence in wrong:
        print(f"error: {sentence}", file=sys.stderr)
    if not wrong:
        print(f"{len(list(Path(site).rglob('*.html')))} pages; every link inside the site leads somewhere")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
