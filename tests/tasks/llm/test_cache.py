"""The completions' file: append-only, shared, and whole after kills."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.cache import CompletionCache, Spent
from tasks.llm.completion import Completion
from tests.tasks.llm.processes import in_processes, put_many

COMPLETION = Completion(text='{"caption": "é\\n"}', cut_off=False, tokens_in=3, tokens_out=2)


def test_what_is_put_is_found_by_another_reader(tmp_path: Path) -> None:
    writer, reader = CompletionCache(tmp_path / "a.jsonl"), CompletionCache(tmp_path / "a.jsonl")
    assert reader.get("k") is None
    writer.put("k", COMPLETION)
    assert reader.get("k") == COMPLETION == writer.get("k")
    assert reader.spent() == Spent(3, 2, 3.0, 2.0)


@given(st.text(max_size=20), st.booleans(), st.booleans(), st.sampled_from([1.0, 0.5]))
def test_every_field_of_a_completion_reads_back(
    tmp_path_factory: pytest.TempPathFactory, text: str, cut_off: bool, refused: bool, price_share: float
) -> None:
    path = tmp_path_factory.mktemp("c") / "a.jsonl"
    put = Completion(text=text, cut_off=cut_off, refused=refused, tokens_in=7, tokens_out=5, price_share=price_share)
    CompletionCache(path).put("k", put)
    assert CompletionCache(path).get("k") == put


def test_a_record_cut_by_a_kill_at_any_byte_loses_only_itself(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    CompletionCache(whole).put("a", COMPLETION)
    CompletionCache(whole).put("b", COMPLETION)
    data = whole.read_bytes()
    half = len(data) // 2
    for cut in range(half + 1, len(data), 7):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(data[:cut])
        cache = CompletionCache(path)
        cache.get("a")  # read before the next append
        cache.put("c", COMPLETION)
        assert cache.get("a") == cache.get("c") == COMPLETION
        assert CompletionCache(path).get("c") == COMPLETION


GARBAGE = Completion(text="Sure!", cut_off=False, tokens_in=3, tokens_out=2)


def test_a_completion_without_an_answer_is_only_kept_for_the_run_that_paid(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first = CompletionCache(path, "run 1")
    for key, completion in (("good", COMPLETION), ("bad", GARBAGE), ("better later", GARBAGE)):
        first.put(key, completion)
    assert first.get("bad") == CompletionCache(path, "run 1").get("bad") == GARBAGE
    second = CompletionCache(path, "run 2")
    assert (second.get("good"), second.get("bad")) == (COMPLETION, None)
    second.put("better later", COMPLETION)
    assert first.get("better later") == second.get("better later") == COMPLETION
    assert CompletionCache(path).get("bad") == GARBAGE  # without a run, those of all runs
    assert second.spent() == Spent(12, 8, 12.0, 8.0)


def test_what_is_charged_is_spent_and_not_kept(tmp_path: Path) -> None:
    cache = CompletionCache(tmp_path / "a.jsonl")
    cache.reserve("r", 30, 20, 1.0)
    cache.charge(COMPLETION, "r")
    cache.charge(Completion(text="", cut_off=True, tokens_in=10, tokens_out=0, price_share=0.5))
    assert cache.committed() == cache.spent() == CompletionCache(tmp_path / "a.jsonl").spent() == Spent(13, 2, 8.0, 2.0)


def test_records_of_many_writers_do_not_mix(tmp_path: Path) -> None:
    def write(name: str) -> None:
        cache = CompletionCache(tmp_path / "a.jsonl")
        for number in range(50):
            cache.put(f"{name}{number}", COMPLETION)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = CompletionCache(tmp_path / "a.jsonl")
    assert all(reader.get(f"{name}{number}") == COMPLETION for name in "abcd" for number in range(50))


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('garbage\n{"key": 1}\n[]\n\x00\n')
    cache = CompletionCache(path)
    cache.put("k", COMPLETION)
    assert cache.get("k") == COMPLETION
    assert cache.spent() == Spent(3, 2, 3.0, 2.0)


def test_records_of_many_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    in_processes(put_many, *((path, name) for name in "abc"))
    reader = CompletionCache(path)
    assert all(reader.get(f"{name}{number}") for name in "abc" for number in range(200))
    assert reader.spent() == Spent(600, 600, 600.0, 600.0)


def test_text_that_is_no_utf8_is_kept_readable(tmp_path: Path) -> None:
    cache = CompletionCache(tmp_path / "a.jsonl")
    cache.put("k", Completion(text="\ud800 \u2028 end", cut_off=False, tokens_in=1, tokens_out=1))
    assert cache.get("k") is not None


def test_a_doubted_completion_is_valid_for_its_run_until_there_is_another(tmp_path: Path) -> None:
    answer = Completion(text='{"caption": "hello"}', cut_off=False, tokens_in=1, tokens_out=1)
    first = CompletionCache(tmp_path / "answers.jsonl", "first")
    first.put("k", answer)
    assert CompletionCache(first.path, "second").get("k") == answer
    first.doubt("k")
    second = CompletionCache(first.path, "second")
    assert first.get("k") == CompletionCache(first.path).get("k") == answer
    assert second.get("k") is None
    second.put("k", answer)
    assert second.get("k") == first.get("k") == answer
    assert second.spent().tokens == 4  # doubt costs nothing
