"""The choices under a table: what each setting of `TableOptions` stands for."""

from __future__ import annotations

from tasks.evaluate.paper_tables.config import TableOptions

_FD = {
    "references": "FD_VGG compares with the reference clips, whose sound is transferred, once for each pair",
    "targets": "FD_VGG compares with the target clips' own audio, once for each pair",
}
_CA = {
    "given": "CA compares with the first 3 s, which are given",
    "truth": "CA compares with the true audio of 3-8 s",
}


def option_line(name: str, options: TableOptions) -> str:
    """Returns a setting with its value and what that means; the paper says none of them."""
    value = getattr(options, name)
    meanings = {
        "fd_reference": _FD[options.fd_reference],
        "resemblyzer_vad": "Resemblyzer hears what a voice activity detector leaves; clips that it empties are alike"
        if options.resemblyzer_vad
        else "Resemblyzer hears the whole clip, without voice activity detection",
        "extension_reference": _CA[options.extension_reference],
        "extension_conditions": "the ticks of the four rows, lost in the paper's text, as its numbers suggest",
        "label_text": "a checkpoint gets the class label as text beside the video"
        if options.label_text
        else "a checkpoint gets the video alone, without text",
        "ib_threshold": "the * rows have the clips whose true audio has at least this IB-score, unless "
        "evaluate.test_set.subset_file lists them",
    }
    return f"{name} = {_text(value)}: {meanings[name]} (not said in the paper)"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join("+".join(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
