"""The answer file: append-only, shared, and indifferent to kills."""

from __future__ import annotations

import threading

from tasks.llm.cache import Answer, AnswerCache

ANSWER = Answer(text='{"caption": "é\\n"}', cut_off=False, tokens_in=3, tokens_out=2)


def test_what_is_put_is_found_by_another_reader(tmp_path):
    writer, reader = AnswerCache(tmp_path / "a.jsonl"), AnswerCache(tmp_path / "a.jsonl")
    assert reader.get("k") is None
    writer.put("k", ANSWER)
    assert reader.get("k") == ANSWER == writer.get("k")
    assert reader.spent() == (3, 2)


def test_a_record_cut_by_a_kill_at_any_byte_loses_only_itself(tmp_path):
    whole = tmp_path / "whole.jsonl"
    AnswerCache(whole).put("a", ANSWER)
    AnswerCache(whole).put("b", ANSWER)
    data = whole.read_bytes()
    half = len(data) // 2
    for cut in range(half + 1, len(data), 7):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(data[:cut])
        cache = AnswerCache(path)
        cache.get("a")  # read before the next append
        cache.put("c", ANSWER)
        assert cache.get("a") == cache.get("c") == ANSWER
        assert AnswerCache(path).get("c") == ANSWER


def test_records_of_many_writers_do_not_mix(tmp_path):
    def write(name: str) -> None:
        cache = AnswerCache(tmp_path / "a.jsonl")
        for number in range(50):
            cache.put(f"{name}{number}", ANSWER)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = AnswerCache(tmp_path / "a.jsonl")
    assert all(reader.get(f"{name}{number}") == ANSWER for name in "abcd" for number in range(50))


def test_foreign_lines_are_passed_over(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('garbage\n{"key": 1}\n[]\n\x00\n')
    cache = AnswerCache(path)
    cache.put("k", ANSWER)
    assert cache.get("k") == ANSWER
    assert cache.spent() == (3, 2)
