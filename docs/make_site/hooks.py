"""What mkdocs is told besides ``mkdocs.yml``: notebooks, files outside ``docs/`` and the API reference become pages."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import notebook_page
import reference
import repository
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NOTEBOOKS = repository.ROOT / "notebooks"


@event_priority(100)  # before mkdocstrings reads its options
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show mkdocstrings the sources as one package, and fill the menus of notebooks and of the reference."""
    folder = tempfile.TemporaryDirectory(prefix="neurofer-site-")
    config.extra["sources"] = folder  # its life ends with the configuration's
    reference.put_together(Path(folder.name))
    config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [folder.name]
    known = reference.modules(Path(folder.name))
    config.extra["modules"] = known
    config.extra["notebooks"] = sorted(NOTEBOOKS.glob("*.ipynb"))
    menus: dict[str, list[Any]] = {
        "notebooks/": [{notebook_page.title(path): f"notebooks/{path.stem}.md"}
                       for path in config.extra["notebooks"]],
        "api/": [{"All packages": "api/index.md"},
                 *({found.name.removeprefix("neurofer."): found.uri} for found in known if found.is_package)],
    }
    config.nav = filled(config.nav, menus)
    return config


def filled(menu: Any, menus: dict[str, list[Any]]) -> Any:
    """The menu of ``mkdocs.yml`` with its ``notebooks/`` and ``api/`` replaced by lists of pages."""
    if isinstance(menu, list):
        return [filled(entry, menus) for entry in menu]
    if isinstance(menu, dict):
        return {title: filled(entry, menus) for title, entry in menu.items()}
    return menus.get(menu, menu)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made: README and its like, notebooks, files that some page links, the reference."""
    made: dict[str, str | bytes] = dict(reference.pages(config.extra["modules"]))
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    texts |= {name: (repository.ROOT / name).read_text(encoding="utf-8") for name in repository.ROOT_PAGES}
    try:
        for path in config.extra["notebooks"]:
            text, pictures = notebook_page.page(path)
            texts[f"notebooks/{path.name}"] = f"[{path.name}]({path.name}){{ .up download }}\n\n{text}"
            made |= {f"notebooks/{name}": content for name, content in pictures.items()}
            made[f"notebooks/{path.name}"] = path.read_bytes()
        made |= linked(texts, set(made))
    except ValueError as error:
        raise PluginError(str(error)) from error
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    return files


def linked(texts: dict[str, str], beside: set[str]) -> dict[str, str | bytes]:
    """The documents that lie outside ``docs/``, with their links turned, and the files that any document links.

    Args:
        texts: Every document by its path in the repository.
        beside: Files that are made already, such as the pictures of notebooks.
    """
    made: dict[str, str | bytes] = {}
    for origin, text in texts.items():
        if not origin.startswith("docs/"):
            made[repository.place(origin)] = repository.relink(text, origin, beside)
        for _, target in repository.leaving(text, origin, beside):
            if target not in texts and not target.startswith("docs/"):
                made[repository.place(target)] = repository.file_page(target)
    return made


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of ``docs/`` that leave it to their pages; made pages are turned already."""
    if page.file.generated_by:
        return markdown
    return repository.relink(markdown, f"docs/{page.file.src_uri}")
