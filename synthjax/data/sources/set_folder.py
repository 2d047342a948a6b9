"""The folder of a downloaded set: found, and identified by its tables."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular


def existing_folder(path: str, source: str) -> Path:
    """Returns the user's folder; raises StudyError if it is missing.

    Args:
        path: as the user set it.
        source: the section of the config, for messages.
    """
    key = f"config.data.{source}.path"
    if not path:
        raise StudyError(f"there is no folder to read: set --{key}=/path/to/folder")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise StudyError(f"{folder} is not a folder; set {key} to one.")
    return folder


def find_root(path: str, source: str, tables: Iterable[str]) -> Path:
    """Finds the folder that holds one of the tables: `path` or the one inside it.

    Args:
        path, source: see `existing_folder`.
        tables: names or patterns of files, any of which marks the folder.

    Raises:
        StudyError: the path is empty or not a folder, or none or several inside match.
    """
    folder, key = existing_folder(path, source), f"config.data.{source}.path"
    tables = tuple(tables)

    def marked(candidate: Path) -> bool:
        return any(next(candidate.glob(table), None) for table in tables)

    try:
        if marked(folder):
            return folder
        inner = sorted(child for child in folder.iterdir() if child.is_dir())
        found = [child for child in inner if marked(child)]
    except OSError as error:
        raise StudyError(f"{folder} cannot be listed: {error}.") from None
    if len(found) == 1:
        return found[0]
    if found:
        raise StudyError(
            f"{folder} holds several such sets ({', '.join(f.name for f in found)}); "
            f"set {key} to one of them."
        )
    raise StudyError(
        f"neither {folder} nor a folder in it holds {' or '.join(tables)}; set {key} to "
        "the set's own folder, as it was downloaded."
    )


def digest_files(paths: Iterable[Path]) -> str | None:
    """Identifies files by their bytes; None if one is away or there is none."""
    hasher, count = hashlib.sha256(), 0
    try:
        for path in paths:
            with open_regular(path, inside=path.parent) as file:
                hasher.update(hashlib.file_digest(file, "sha256").digest())
            count += 1
    except OSError:
        return None
    return hasher.hexdigest()[:16] if count else None
