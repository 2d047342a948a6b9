"""PNG files and a metadata.csv per split: opens as a Hugging Face ImageFolder.

`datasets.load_dataset(folder)` finds the splits and the types of the columns in the
card, README.md; every other tool sees folders of PNG files, each with a table
(https://huggingface.co/docs/datasets/image_dataset#imagefolder).
"""

from pathlib import Path

from synthjax.data.dataset import Dataset
from synthjax.data.export.card import write_card
from synthjax.data.export.metadata_table import MetadataTable
from synthjax.data.export.names import safe_names
from synthjax.data.schema import Record, encode_png

TABLE = "metadata.csv"
SPLIT_NAMES = {"valid": "validation"}  # where the hub's name is not ours


def write_image_folder(built: Dataset, folder: Path) -> None:
    """Writes `<split>/<id>.png` without loss, `<split>/metadata.csv` and README.md.

    metadata.csv has the columns file_name (relative to it), id, patient_id, study_id,
    age (years), sex, view and one column per label: 1, 0, or blank where unknown. The
    file is named for the id, made safe (`names.safe_names`).

    Args:
        folder: there and empty.
    """
    table = MetadataTable(built)
    splits = {split: SPLIT_NAMES.get(split, split) for split in built.counts}
    for split, name in splits.items():
        _write_split(built, split, folder / name, table)
    write_card(
        built,
        folder,
        files=(
            "A folder per split with its images as PNG files, without loss, and "
            f"`{TABLE}`: the file, the id, patient, exam, age in years, sex and view "
            "where known, and a column per label: 1 present, 0 absent, blank unknown.\n"
            "\n`datasets.load_dataset(folder)` opens it; the types of the columns are "
            "at the top of this card."
        ),
        header={"configs": [_config(splits, table)]},
    )


def _write_split(
    built: Dataset, split: str, folder: Path, table: MetadataTable
) -> None:
    folder.mkdir()
    files = [f"{name}.png" for name in safe_names(built.metadata(split).id.tolist())]

    def save(index: int, record: Record) -> None:
        (folder / files[index]).write_bytes(encode_png(record.pixels))

    for _ in built.map_images(split, save):
        pass
    table.write(folder / TABLE, split, {"file_name": files})


def _config(splits: dict[str, str], table: MetadataTable) -> dict:
    """Returns the hub's description of the splits and of what the columns hold."""
    types = {"image": "image", **table.types}
    return {
        "config_name": "default",
        "data_files": [
            {"split": name, "path": f"{name}/**"} for name in splits.values()
        ],
        "features": [{"name": name, "dtype": kind} for name, kind in types.items()],
    }
