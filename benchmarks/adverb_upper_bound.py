"""Which adverbs survive the codec: `python -m benchmarks.adverb_upper_bound WORKSPACE [PAIRS]`.

Takes pairs of augmented clips of one parent with opposite levels (SPEC A3 to A5; of a far one the clip it was made
from) and asks AdverbCheck which is which, of the clips as they are and after the codec's round trip. A direction that
is lost here no model can learn; one that is kept here and not generated is the model's failure.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import torch

from data_contracts import Augmented, Clip, UsageError, read_table
from model.codec import Codec, load_codec
from tasks.engine.workspace import Workspace
from tasks.evaluate.adverbs import is_right
from tasks.evaluate.attributes import measure
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

PAIRS = {
    "speed": ("very_fast", "medium"),
    "distance": ("near", "far"),
    "dynamics": ("crescendo", "decrescendo"),
}
"""Direction -> the levels of one parent that stand for more and for less of it."""


def round_trip(codec: Codec, samples_T: Samples) -> Samples:
    """Returns the sound as the codec gives it back, cut to whole frames."""
    whole = len(samples_T) // codec.spec.hop * codec.spec.hop
    mean_BNF, _ = codec.encode(torch.from_numpy(samples_T[None, :whole]))
    decoded: Samples = codec.decode(mean_BNF)[0].numpy()
    return decoded


def main() -> None:
    """Prints a line per direction: pairs, and the share told right, before and after the codec."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("pairs", type=int, nargs="?", default=25)
    parser.add_argument("--codec", default="embedded_16k")
    args = parser.parse_args()
    workspace, codec = Workspace(args.workspace), load_codec(args.codec)
    rate_hz = codec.spec.sample_rate_hz
    clips = {clip.item_id: clip.audio_path for clip in read_table(workspace.table("ingest", Clip.TABLE), Clip)}
    levels: dict[str, dict[str, str]] = defaultdict(dict)
    for row in read_table(workspace.table("augment", Augmented.TABLE), Augmented):
        levels[row.parent_id] |= {row.level: row.audio_path, "near": clips[row.clip_id]}
    print(f"{'direction':12s} {'pairs':>6s} {'as it is':>9s} {'by codec':>9s}")
    for direction, (more, less) in PAIRS.items():
        chosen = [found for found in levels.values() if {more, less} <= found.keys()][: args.pairs]
        if not chosen:
            raise UsageError(f"{args.workspace} has no sound with both {more} and {less}")
        right = [0, 0]
        for found in chosen:
            clips = [read_audio(workspace.path(found[level]), rate_hz=rate_hz)[0] for level in (more, less)]
            for place, pair in enumerate((clips, [round_trip(codec, clip) for clip in clips])):
                right[place] += is_right(direction, *(measure(sound, rate_hz) for sound in pair))
        print(
            f"{direction:12s} {len(chosen):6d} {right[0] / len(chosen):9.2f} {right[1] / len(chosen):9.2f}", flush=True
        )


if __name__ == "__main__":
    main()
