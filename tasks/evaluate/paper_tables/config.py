"""Settings of the paper's tables: the files of the test set, and each thing that the paper leaves open."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.engine.settings import StageConfig

Condition = Literal["Vt", "Text", "Ar", "Vr"]
"""Table 5: target video, text, reference audio, reference video."""
Conditions = Annotated[tuple[Condition, ...], Field(min_length=1)]
TableNumber = Annotated[int, Field(ge=1, le=7)]

SystemPaths = str | tuple[str, ...]
"""A folder of generated audio, or a checkpoint; several for the mean over seeds."""


class TableFiles(StageConfig):
    """The test set of a table: its list, and the folders with its clips. An empty path is none."""

    PATHS: ClassVar[tuple[str, ...]] = ("list_file", "subset_file", "reference", "references", "video", "captions")

    list_file: str = Field(
        "",
        description="the clips: MMAudio's vgg-test.tsv, VGGSound's test.csv, the AudioCaps list (.json), Greatest "
        "Hits' AMT_test_set.json, a CSV with name, caption and perhaps video, or names in a .txt; empty: all of "
        "`reference`",
    )
    subset_file: str = Field(
        "",
        description="list of the clips of table 2's * rows, or of table 5's 1,000; table 2 without it: by IB-score",
    )
    reference: str = Field("", description="folder of true audio; tables 4 and 7: of the target clips")
    references: str = Field("", description="tables 4 and 7: folder of the reference clips")
    video: str = Field("", description="folder of videos; empty: the files of `reference` that are videos")
    captions: str = Field("", description="CSV with name and caption, in place of the list's captions or labels")
    seconds: float = Field(8.0, gt=0, description="tables 1, 2, 3 and 6: the first seconds of each clip are scored")
    allow: tuple[str, ...] = Field(
        (), description="problems with files to go on with, e.g. [missing, short], as `foleygenex evaluate --allow`"
    )


class TableOptions(StageConfig):
    """What the paper's tables leave open, with the choice that was made; it is printed under the table."""

    fd_reference: Literal["references", "targets"] = Field(
        "references", description="tables 4 and 7: what FD_VGG compares with"
    )
    resemblyzer_vad: bool = Field(
        False, description="tables 4 and 7: Resemblyzer's voice activity detection, which empties many impact sounds"
    )
    extension_reference: Literal["given", "truth"] = Field(
        "given", description="table 5: CA compares with the given first 3 s, or with the true audio of 3-8 s"
    )
    extension_conditions: tuple[Conditions, Conditions, Conditions, Conditions] = Field(
        (("Vt",), ("Vt", "Ar"), ("Vt", "Ar", "Vr"), ("Vt", "Text", "Ar", "Vr")),
        description="table 5: the conditions of its four rows; the tick marks are lost in the paper's text",
    )
    extension_context: Literal["variant", "crop", "blank", "repeat"] = Field(
        "variant",
        description="table 5, conditions with Ar and without Vr: what a checkpoint sees before 3 s; variant: as its "
        "row's, blank for MMAudio and crop (the target's frames) for the others",
    )
    extension_seed: int | None = Field(
        None,
        description="table 5, without test_set.subset_file: 1,000 clips are drawn with this seed; empty: its rows of "
        "1,000 are not computed",
    )
    desync_windows: Literal["both", "first", "last"] = Field(
        "both", description="tables 2 and 3: DeSync over the first and the last 4.8 s of each clip, or over one of them"
    )
    decimals: Literal["rounded", "cut"] = Field("rounded", description="table 3: how our numbers are shortened")
    transfer_part: Literal["last", "first"] = Field(
        "last", description="tables 4 and 7: what is scored of a generated file that is longer than its target clip"
    )
    label_text: bool = Field(True, description="table 2: a checkpoint gets the class label as text beside the video")
    ib_threshold: float = Field(
        0.3, description="table 2: the * rows have the clips whose true audio has at least this IB-score"
    )
