"""A scene as values: through JSON and back, and what the clip table gets of it."""

from __future__ import annotations

import json

import pytest

from tasks.corpus.scene import Scene
from tests.tasks.corpus.measures import corpus


def test_scenes_survive_json() -> None:
    for scene in corpus()[::11]:
        values = json.loads(json.dumps(scene.to_dict()))
        again = Scene.from_dict(values)
        assert again == scene and hash(again) == hash(scene)
        assert isinstance(again.event_times_s, tuple) and isinstance(again.strengths, tuple)


def test_values_with_a_missing_field_are_no_scene() -> None:
    values = corpus()[0].to_dict()
    del values["material"]
    with pytest.raises(TypeError, match="material"):
        Scene.from_dict(values)


def test_attributes_are_json_and_name_no_file_split_or_seed() -> None:
    """They become a column of every clip: facts about the audio, not about the corpus."""
    for scene in corpus()[::29]:
        attributes = scene.attributes()
        assert json.loads(json.dumps(attributes)) == attributes
        assert {"speed", "distance", "volume", "rate_hz", "level_db", "distance_m"} <= attributes.keys()
        assert not {"split", "caption", "seed", "object_seed", "scene_id"} & attributes.keys()
