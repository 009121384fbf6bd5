"""The pipeline's settings: everything has a default, and the workspace keeps what it was run with."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.config import PipelineConfig, config_path, load_stored, shipped_config, store
from tasks.engine.workspace import Workspace


def test_an_empty_config_is_the_builtin_demo(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("")
    assert PipelineConfig.load(path) == PipelineConfig()
    assert PipelineConfig().ingest.corpus.kind == "builtin"


@pytest.mark.parametrize("name", ["demo.yaml", "paper.yaml"])
def test_shipped_configs_load(name: str) -> None:
    assert PipelineConfig.load(shipped_config(name)).workspace


@pytest.mark.parametrize("name", ["demo", "paper", "codec"])
def test_a_bare_name_is_a_shipped_config_unless_a_file_has_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_path(Path(name)) == shipped_config(f"{name}.yaml") and config_path(Path(name)).is_file()
    (tmp_path / name).write_text("")
    assert config_path(Path(name)) == Path(name)


def test_any_other_path_stays_as_it_is() -> None:
    for path in (Path("none"), Path("folder/demo"), Path("demo.yaml")):
        assert config_path(path) == path


def test_overrides_win_and_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("train: {steps: 5}\n")
    config = PipelineConfig.load(path, ["train.steps=7", "llm.backend=rules", "train.masks.span_low=0.7"])
    assert (config.train.steps, config.llm.backend, config.train.masks.span_low) == (7, "rules", 0.7)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.steps=many"], "train.steps"),
        (["train.stepz=3"], "train.stepz: unknown setting; did you mean steps"),
        (["augmnet.speed_method=tempo"], "augmnet: unknown setting; did you mean augment"),
        (["manifest.qqq=1"], "manifest.qqq: unknown setting; known: "),
        (["train.steps=abc"], "train.steps: .*, not 'abc'"),
        (["workers=0"], "workers"),
        (["llm.backend=magic"], "llm.backend"),
    ],
)
def test_wrong_overrides_name_the_field(overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        PipelineConfig.load(None, overrides)
    assert "\n" not in str(caught.value)


def test_a_corpus_path_is_relative_to_its_config_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("ingest: {corpus: {kind: table, path: clips.csv}}\n")
    assert PipelineConfig.load(path).ingest.corpus.path == str(tmp_path / "clips.csv")


def test_a_corpus_path_in_an_override_is_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert PipelineConfig.load(None, ["ingest.corpus.path=a.csv"]).ingest.corpus.path == str(tmp_path / "a.csv")


def test_the_workspace_keeps_its_config(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    config = PipelineConfig.load(None, [f"workspace={tmp_path}", "train.steps=9", "mine.splits=[train, test]"])
    store(config, space)
    assert load_stored(space) == config
    assert load_stored(space, overrides=["workspace=/elsewhere"]).workspace == str(tmp_path)
    merged = load_stored(space, {"train": {"steps": 3}})
    assert (merged.train.steps, merged.mine.splits) == (3, ("train", "test"))


def test_a_stored_config_of_another_release_is_refused(tmp_path: Path) -> None:
    known = rf"the workspace was made by another; `foleygenex run all CONFIG --workspace {tmp_path}`"
    for text, name in (("gone: 1\n", "gone"), ("train: {readings: {a: 1}}\n", r"train\.readings")):
        (tmp_path / "config.yaml").write_text(text)
        with pytest.raises(UsageError, match=rf"config\.yaml: {name}: this release has no such setting, {known}"):
            load_stored(Workspace(tmp_path))
