"""Published judges' specs say the licence that the catalogue has."""

from __future__ import annotations

import pytest

from data_contracts import UsageError, WeightsError
from model.judges import JUDGES, load_judge
from model.judges.published import published_spec
from model.weights.catalogue import COMPONENTS
from model.weights.locate import VARIABLE


def test_licence_and_restrictions_come_from_the_catalogue() -> None:
    spec = published_spec("imagebind", "ab" * 32, ("audio", "video"), rate_hz=16_000, fps=0.5)
    assert (spec.name, spec.licence, spec.is_commercial) == ("imagebind", COMPONENTS["imagebind"].licence, False)
    assert spec.kinds == {"audio", "video"} and not spec.embedded and spec.weights_sha256 == "ab" * 32
    assert (spec.rate_hz, spec.fps, spec.classes) == (16_000, 0.5, ())
    assert published_spec("synchformer", "", ("audio",)).is_commercial


@pytest.mark.parametrize("name", sorted(set(JUDGES) & set(COMPONENTS)))
def test_a_published_judge_without_its_files_says_where_they_come_from(
    name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if COMPONENTS[name].kind == "embedded":
        pytest.skip("comes with this project")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(WeightsError, match=f"{name} is not downloaded; .*licence: .*foleygenex weights fetch {name}"):
        load_judge(name)


def test_an_unknown_judge_is_refused_with_the_known_names() -> None:
    with pytest.raises(UsageError, match=r"judge 'nobody' is unknown; known names: .*synchformer"):
        load_judge("nobody")
