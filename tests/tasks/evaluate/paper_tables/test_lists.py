"""The published lists are read, counted, and refused with the line that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.evaluate.paper_tables.lists import PUBLISHED, ClipList, clip_key, pair_key, read_list

CUT = "2015-02-21-17-09-17_denoised_trim_to_2s_from_3.0667_new_fps_resized"
OTHER = "2015-10-06-20-27-19-220_denoised_trim_to_2s_from_7.5333_new_fps_resized"
PAIR = "2015-02-21-17-09-17_3.0667_to_2015-10-06-20-27-19-220_7.5333"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_mmaudios_list_has_ids_and_labels_also_with_quotes(tmp_path: Path) -> None:
    found = read_list(
        written(tmp_path, "vgg-test.tsv", 'id\tlabel\n---g-f_I2yQ_000001\tpeople "marching\nb_000002\tdog\n')
    )
    assert found.captions == {"---g-f_I2yQ_000001": 'people "marching', "b_000002": "dog"}
    assert found.line == "list vgg-test.tsv (VGGSound, MMAudio's): 2 clips; the published list has 15,221"


def test_vggsounds_list_has_files_without_a_head(tmp_path: Path) -> None:
    found = read_list(written(tmp_path, "test.csv", 'a_000300.mp4,"cat, meowing"\n\nb_000001.mp4,dog\n'))
    assert (found.kind, found.captions) == ("VGGSound", {"a_000300": "cat, meowing", "b_000001": "dog"})


def test_the_audiocaps_list_has_wavs_and_captions(tmp_path: Path) -> None:
    rows = [{"wav": "Yabc.wav", "caption": "A dog barks"}, {"wav": "sub/Ydef.wav", "caption": "Rain"}]
    found = read_list(written(tmp_path, "audiocaps.json", json.dumps({"data": rows})))
    assert (found.kind, found.captions) == ("AudioCaps", {"Yabc": "A dog barks", "Ydef": "Rain"})


def test_greatest_hits_has_pairs_named_by_clips_or_by_paths(tmp_path: Path) -> None:
    by_key = {"2015-02-21-17-09-17_3.0667": ["2015-10-06-20-27-19-220_7.5333", "v_1.0000"]}
    by_path = {f"logs/target/{CUT}.mp4": [f"logs/cond/{OTHER}.mp4", "v_1.0000"]}
    first, second = (read_list(written(tmp_path, f"{n}.json", json.dumps(d))) for n, d in enumerate((by_key, by_path)))
    assert first.pairs == second.pairs
    assert first.pairs[PAIR].target == "2015-02-21-17-09-17_3.0667"
    assert "2 pairs of 1 targets and 2 references; the published list has 582" in first.line


def test_captions_and_plain_names_are_lists_too(tmp_path: Path) -> None:
    table = read_list(written(tmp_path, "c.csv", "extra,name,caption\n1,a,A dog\n2,b,Rain\n"))
    names = read_list(written(tmp_path, "n.txt", "\ufeffa\n\n b \n"))
    assert (table.kind, table.captions) == ("captions", {"a": "A dog", "b": "Rain"})
    assert (names.kind, list(names.captions), names.line) == ("names", ["a", "b"], "list n.txt: 2 clips")


def test_a_line_that_ends_before_the_name_is_named(tmp_path: Path) -> None:
    lines = "a,b,c,d,name,caption\n1,2,3,4,clip,Rain\nshort\n"
    with pytest.raises(UsageError, match="line 3: '' cannot be a clip's name"):
        read_list(written(tmp_path, "c.csv", lines))


def test_names_of_cut_files_are_those_of_the_clips() -> None:
    assert clip_key(CUT) == "2015-02-21-17-09-17_3.0667"
    assert clip_key("2015-02-21-17-09-17_3.0667") == "2015-02-21-17-09-17_3.0667"
    assert pair_key(f"{CUT}_to_{OTHER}") == pair_key(PAIR) == PAIR
    assert pair_key("a_dog") == "a_dog"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.xml", "", "the name must end in one of .json, .tsv, .csv, .txt"),
        ("a.tsv", "name\tlabel\n", "line 1: expected the columns id and label"),
        ("a.tsv", "id\tlabel\nx\ty\tz\n", "line 2: has 3 columns; expected a clip and its caption"),
        ("a.tsv", "id\tlabel\n", "has no clips"),
        ("a.csv", "a.mp4,x\nb.mp4\n", "line 2: has 1 columns"),
        ("a.csv", "a.mp4,x\na.mp4,y\n", "line 2: clip 'a' repeats"),
        ("a.csv", "name,caption,video\na,x,../b\n", "line 2: '../b' cannot be a clip's name"),
        ("a.csv", "name,caption,video\na,x\n", "line 2: '' cannot be a clip's name"),
        ("a.txt", "../../etc/x\n", "line 1: '../../etc/x' cannot be a clip's name"),
        ("a.txt", ".hidden\n", "cannot be a clip's name"),
        ("a.txt", "a\x07b\n", "cannot be a clip's name"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[]", "expected the AudioCaps list"),
        ("a.json", '{"a": "b"}', "expected the AudioCaps list"),
        ("a.json", '{"a": []}', "expected the AudioCaps list"),
        ("a.json", '{"data": [{"wav": "a.wav"}]}', "entry 1: expected wav and caption"),
        ("a.json", '{"a": ["b", "b"]}', "target a: clip 'a_to_b' repeats"),
    ],
)
def test_a_wrong_list_is_refused_with_what_is_wrong(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        read_list(written(tmp_path, name, text))
    assert says in str(error.value)
    assert name in str(error.value)


def test_a_missing_or_binary_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_list(tmp_path / "no.tsv")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as UTF-8"):
        read_list(tmp_path / "b.txt")


@pytest.mark.parametrize(
    "file",
    ["vggsound/mmaudio_vgg-test.tsv", "vggsound/test.csv", "greatest_hits/AMT_test_set.json",
     "greatest_hits/AMT_test_set_path.json"],
)  # fmt: skip
def test_e3_the_real_lists_are_as_long_as_published(realdata: Path, file: str) -> None:
    found = read_list(realdata / "captions" / file)
    assert len(found.captions) == PUBLISHED[found.kind]
    assert found.line.endswith("as published")


def test_e3_greatest_hits_is_194_targets_by_three(realdata: Path) -> None:
    found = read_list(realdata / "captions" / "greatest_hits" / "AMT_test_set.json")
    targets = [pair.target for pair in found.pairs.values()]
    assert (len(set(targets)), {targets.count(one) for one in targets}) == (194, {3})
    assert all(pair_key(name) == name for name in found.pairs)


def test_mmaudios_list_is_part_of_vggsounds(realdata: Path) -> None:
    ours, official = (vggsound(realdata, name) for name in ("mmaudio_vgg-test.tsv", "test.csv"))
    assert ours.captions.keys() < official.captions.keys()


def vggsound(realdata: Path, name: str) -> ClipList:
    return read_list(realdata / "captions" / "vggsound" / name)
