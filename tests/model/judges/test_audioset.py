"""AudioSet's class names, and which are speech or music."""

from model.judges.audioset import AUDIOSET_LABELS, MUSIC, SPEECH, music_classes, speech_classes


def test_the_527_names_are_in_the_published_order() -> None:
    places = {0: "Speech", 16: "Laughter", 74: "Dog", 137: "Music", 288: "Water", 500: "Silence"}
    assert len(AUDIOSET_LABELS) == len(set(AUDIOSET_LABELS)) == 527
    assert {place: AUDIOSET_LABELS[place] for place in places} == places
    assert AUDIOSET_LABELS[526] == "Field recording"


def test_speech_is_talking() -> None:
    assert speech_classes(AUDIOSET_LABELS) == (*range(8), 15, 68, 70)
    assert not SPEECH & {"Laughter", "Screaming", "Breathing", "Singing"}


def test_music_is_music_and_singing_but_no_single_instrument() -> None:
    assert music_classes(AUDIOSET_LABELS) == (*range(27, 37), 137, *range(216, 283))
    assert not MUSIC & {"Bell", "Drum", "Wind chime", "Musical instrument", "Wind"}


def test_indices_follow_the_judges_own_labels() -> None:
    assert speech_classes(("Dog", "Speech")) == (1,) and music_classes(("Music", "Dog")) == (0,)
    assert speech_classes(("wood", "metal")) == () == music_classes(())
