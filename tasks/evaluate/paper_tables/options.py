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
_CONTEXT = {
    "variant": "without Vr a checkpoint sees, before 3 s, zero-filled frames (MMAudio, as S1) or the target's (others)",
    "crop": "without Vr a checkpoint sees the target's frames before 3 s",
    "blank": "without Vr a checkpoint sees zero-filled frames before 3 s",
    "repeat": "without Vr a checkpoint sees the target's first two seconds again and again before 3 s",
}
_WINDOWS = {
    "both": "DeSync is the mean over the first and the last 4.8 s of each clip, as av-benchmark computes it",
    "first": "DeSync is of the first 4.8 s of each clip",
    "last": "DeSync is of the last 4.8 s of each clip",
}
_DECIMALS = {
    "rounded": "our numbers are rounded",
    "cut": "our numbers are cut, as 0.053 (7/130) and 0.061 (8/130) of the paper suggest",
}
_PART = {
    "last": "of a generated file that is longer than its target clip, the last part is scored: the reference's comes "
    "before it",
    "first": "of a generated file that is longer than its target clip, the first part is scored",
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
        "extension_context": _CONTEXT[options.extension_context],
        "extension_seed": "the 1,000 clips are those of evaluate.test_set.subset_file"
        if options.extension_seed is None
        else "the 1,000 clips are drawn with this seed, unless evaluate.test_set.subset_file lists them",
        "desync_windows": _WINDOWS[options.desync_windows],
        "decimals": _DECIMALS[options.decimals],
        "transfer_part": _PART[options.transfer_part],
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
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
