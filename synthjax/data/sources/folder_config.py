"""The settings of a folder of images: where it is, what its columns mean."""

import dataclasses

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class FolderConfig(Config):
    """Where the images are and what the columns of labels.csv mean."""

    path: str = field(
        "", "the folder, relative to where the command is run", is_place=True
    )
    labels_csv: str = field(
        "labels.csv",
        "the table of labels, relative to the folder; empty: each folder in it is a "
        "class",
        is_place=True,
    )
    file_column: str = field("file", "column of the image file, relative to the folder")
    patient_column: str = field(
        "", "column of the patient id; empty: each image is its own patient"
    )
    study_column: str = field("", "column of the id of the exam; empty: unknown")
    age_column: str = field("", "column of the age, years; empty: unknown")
    sex_column: str = field("", "column of the sex, F, M or blank; empty: unknown")
    view_column: str = field("", "column of the view, PA, AP, ...; empty: unknown")
    split_column: str = field(
        "",
        "column of the split: train, valid or test; empty: patients are assigned at "
        "random",
    )
    label_columns: tuple[str, ...] = field(
        (), "columns of labels; empty: all that are not named above"
    )
    patient_folders: bool = field(
        False, "with class folders: images are class/patient/image"
    )
    leave_out: tuple[str, ...] = field(
        (),
        "files and folders to leave out of the set, by name or by pattern: masks, "
        "*_mask.png",
        is_place=True,
    )
    read_all: bool = field(
        False,
        "with class folders: read masks and the like, and folders that come again in "
        "each class, as images too",
    )
    patient_from_dicom: bool = field(
        False, "take the patient of every image from its DICOM header"
    )

    def check(self) -> None:
        """Raises ConfigError for keys that exclude each other."""
        named = (self.patient_column, self.patient_folders, self.patient_from_dicom)
        if sum(map(bool, named)) > 1:
            raise ConfigError(
                "patient_column, patient_folders and patient_from_dicom exclude each "
                "other; choose one"
            )
        if self.labels_csv and self.patient_folders:
            raise ConfigError(
                "patient_folders=True is for class folders (labels_csv=''); name the "
                "patient_column of the table instead"
            )
        if self.labels_csv and self.read_all:
            raise ConfigError(
                "read_all=True is for class folders (labels_csv=''); a table names its "
                "images itself"
            )
        if not self.labels_csv and (
            self.label_columns or self.patient_column or self.split_column
        ):
            raise ConfigError(
                "labels_csv='' means class folders, which have no label_columns, no "
                "patient_column and no split_column; see patient_folders"
            )

    @property
    def has_patients(self) -> bool:
        """Whether anything says whose an image is."""
        return bool(
            self.patient_column or self.patient_folders or self.patient_from_dicom
        )

    @property
    def side_columns(self) -> dict[str, str]:
        """Returns attribute -> its column, for the columns that are not labels."""
        columns = {
            "file": self.file_column,
            "patient_id": self.patient_column,
            "study_id": self.study_column,
            "age": self.age_column,
            "sex": self.sex_column,
            "view": self.view_column,
            "split": self.split_column,
        }
        return {attribute: column for attribute, column in columns.items() if column}
