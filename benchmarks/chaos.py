"""Mining to manifest with faults: `python -m benchmarks.chaos [--items N] [--fail 0.2] [--broken 0.05] [--kills 3]`.

One workspace runs undisturbed. A copy of it has broken audio files, an endpoint that fails (HTTP 500, 429, cut
connections, half a reply), and a process that is killed with SIGKILL several times. At the end the copy's manifest must
be the undisturbed one without the quarantined items, byte for byte, and each quarantined item must say why.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from data_contracts import Clip, ManifestRow, Quarantine, read_table, write_table
from data_contracts.adverbs import DEGREES, changes_for
from data_contracts.files import hash_file
from data_contracts.stages import stages_through
from tasks.config import PipelineConfig
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace
from tasks.language.cues import CuedCaption
from tasks.language.finder import find_cues, find_mined
from tasks.paraphrase.writer import by_rule
from tasks.pipeline import find_step
from tasks.recaption.request import request_fields
from tasks.recaption.rules import rewrites
from tasks.steps import run_step

STAGES = stages_through("manifest")[1:]  # ingest's clips are made by this script
RATE_HZ = 16_000
SECONDS = 2.5
KINDS = (
    "small", "large", "old", "new", "red", "green", "wooden", "metal", "heavy", "broken", "rusty", "tiny", "wet", "dry",
    "young", "strange", "hollow", "round", "wild", "cold", "warm", "blue", "white", "black", "grey", "thin", "thick",
    "long", "short", "shiny",
)  # fmt: skip
THINGS = ("dog", "bell", "engine", "door", "machine", "horn", "bird", "clock", "saw", "drum")
CAPTIONS = (
    "A {} sounds quickly in a hall", "A {} sounds slowly and stops", "Loud {} sounds follow each other",
    "A {} sounds close by while rain falls",
)  # fmt: skip
PLAIN = ("A {} is heard", "People talk and a {} sounds twice", "A {} sounds in a hall", "Rain falls on a {}")
NAMED = 5  # one caption in five says how fast, near or loud, as in AudioCaps


@dataclass
class Endpoint:
    """An OpenAI-compatible server that answers by the rules and, at `/chaos`, fails at random."""

    fail: float
    seed: int = 1
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: dict[str, Any]) -> str:
        """Returns the answer's text; the same for the same prompt, and acceptable to the validators."""
        for message in reversed(request["messages"]):
            try:
                data = json.loads(message["content"])
            except ValueError:
                continue
            if isinstance(data, dict) and "caption" in data:
                return json.dumps(self._reply(data))
        raise AssertionError("no data in the prompt")

    def _reply(self, data: dict[str, Any]) -> dict[str, Any]:
        key = json.dumps(data, sort_keys=True)
        if key not in self._known:
            self._known[key] = _caption(data) if "edit" in data else _paraphrases(data)
        return self._known[key]

    @contextmanager
    def serving(self) -> Iterator[Endpoint]:
        """Serves on loopback."""
        endpoint, chance, lock = self, random.Random(self.seed), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if len(body) < int(self.headers["content-length"]):
                    return  # the client was killed
                request = json.loads(body)
                chaos = self.path.startswith("/chaos")
                with lock:
                    luck, kind = chance.random(), chance.randrange(4)
                    endpoint.asked[("failed" if luck < endpoint.fail else "answered") if chaos else "clean"] += 1
                text = endpoint.answer(request)
                if chaos and luck < endpoint.fail:
                    self._fail(kind, text)
                else:
                    self._send(200, _completion(text))

            def _fail(self, kind: int, text: str) -> None:
                if kind == 2:  # the connection is cut
                    self.close_connection = True
                    return
                if kind == 3:  # half a reply
                    body = _completion(text)
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                    return
                self._send((500, 429)[kind], b'{"error":{"message":"chaos"}}')

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("retry-after-ms", "5")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keeps the output quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A killed client resets its connections: nothing to report."""

        server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def _caption(data: dict[str, Any]) -> dict[str, Any]:
    """Returns a valid caption, as a good model would: the rules have one."""
    text = data["caption"]
    cases = (
        (CuedCaption(text=text, cue=cue).with_degrees(), change.level, degree)
        for cue in find_mined(text)
        for change in changes_for(cue.side)
        for degree in DEGREES
    )
    asked = next(case for case in cases if request_fields(*case).items() <= data.items())
    return {"caption": rewrites(*asked, limit=1)[0].text}


def _paraphrases(data: dict[str, Any]) -> dict[str, Any]:
    text = data["caption"]
    written = by_rule(CuedCaption(text=text, cue=find_cues(text)[0]), int(data.get("count", 5)))
    return {"key_tokens": list(written.key_tokens), "paraphrases": [text for text, _ in written.paraphrases]}


def _completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "chaos",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    ).encode()


def make_clips(workspace: Workspace, count: int) -> None:
    """Writes `ingest/clips.parquet` and a short audio file of strikes per clip."""
    folder = workspace.stage("ingest") / "audio"
    folder.mkdir()
    clips = []
    pattern_T = _pattern()
    for number in range(count):
        path = folder / f"clip-{number:05d}.flac"
        sf.write(path, _strikes(number, pattern_T), RATE_HZ, subtype="PCM_16")
        templates = CAPTIONS if number % NAMED == 0 else PLAIN
        caption = templates[number // NAMED % len(templates)].format(_thing(number // (NAMED * len(templates))))
        clips.append(_clip(workspace, path, number, caption))
    write_table(workspace.table("ingest", "clips"), Clip, clips)


def _thing(number: int) -> str:
    return f"{KINDS[number // len(THINGS) % len(KINDS)]} {THINGS[number % len(THINGS)]}"


def _strikes(number: int, pattern_T: np.ndarray) -> np.ndarray:
    audio_T = pattern_T * np.random.default_rng(number).standard_normal(len(pattern_T))
    return 0.5 * audio_T / np.abs(audio_T).max()


def _pattern() -> np.ndarray:
    """Returns the level of twelve strikes over quiet noise: enough to measure speed, reverberation and a trend."""
    times = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    return 0.02 + np.where(times > 0.05, np.exp(-20 * ((times - 0.05) % 0.2)), 0.0)


def _clip(workspace: Workspace, path: Path, number: int, caption: str) -> Clip:
    values: dict[str, Any] = {
        "item_id": path.stem,
        "source": "chaos",
        "source_path": path.name,
        "source_sha256": "0" * 64,
        "source_start_s": 0.0,
        "group_id": path.stem,
        "subset": "tta",
        "split": "train",
        "caption": caption,
        "audio_path": workspace.relative(path),
        "audio_sha256": hash_file(path),
        "sample_rate_hz": RATE_HZ,
        "source_channels": 1,
        "duration_s": SECONDS,
        "video_path": None,
        "video_sha256": None,
        "event_times_s": None,
        "attributes_json": "{}",
        "licence": "CC0-1.0",
        "seed": number,
        "tools_json": "{}",
    }
    known = Clip.schema().names
    return Clip(**{name: value for name, value in values.items() if name in known})


def break_files(workspace: Workspace, share: float, seed: int = 2) -> set[str]:
    """Empties, cuts, scrambles, silences or removes a share of the audio files. Returns the clips' ids."""
    rng = random.Random(seed)
    files = sorted((workspace.stage("ingest") / "audio").glob("*.flac"))
    chosen = rng.sample(files, round(share * len(files)))
    for number, path in enumerate(chosen):
        content = path.read_bytes()
        path.unlink()  # the file in the undisturbed workspace is a hard link and must stay whole
        if number % 5 == 0:
            path.write_bytes(b"")
        elif number % 5 == 1:
            path.write_bytes(content[:60])
        elif number % 5 == 2:
            path.write_bytes(b"no sound at all\n" * 40)
        elif number % 5 == 3:
            sf.write(path, np.zeros(round(SECONDS * RATE_HZ)), RATE_HZ, subtype="PCM_16")
    return {path.stem for path in chosen}


def config_of(workspace: Path) -> PipelineConfig:
    """Returns the settings of both workspaces."""
    llm = {"backend": "endpoint", "model": "chaos", "concurrency": 16, "max_retries": 12, "timeout_s": 20}
    return PipelineConfig.model_validate({"workspace": str(workspace), "llm": llm})


def run_stages(folder: Path) -> None:
    """Continues the stages, two shards at a time."""
    config, workspace = config_of(folder), Workspace(folder)
    with ThreadPoolExecutor(2) as pool:
        for name in STAGES:
            result = run_step(find_step(name), config, workspace, mapper=pool.map)
            print(result.line(), flush=True)


def run_with_kills(folder: Path, environment: dict[str, str], kills: list[tuple[str, int]]) -> int:
    """Runs the stages in a process that is killed whenever a journal has so many lines. Returns the kills made."""
    made = 0
    while True:
        command = [sys.executable, "-m", "benchmarks.chaos", "--stages", str(folder)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            if made < len(kills) and _journal_lines(folder / kills[made][0]) >= kills[made][1]:
                process.send_signal(signal.SIGKILL)
                process.wait()
                made += 1
            time.sleep(0.02)
        if process.returncode == 0:
            return made
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"the stages failed with exit code {process.returncode}")


def _journal_lines(stage: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in stage.glob("journal/*.jsonl"))


@dataclass(frozen=True)
class Comparison:
    """The comparison of the two workspaces; `wrong` has every violation."""

    rows: int
    expected: int
    quarantined: int
    reasons: dict[str, int]
    wrong: list[str]


def compare(clean: Workspace, chaos: Workspace, broken: set[str]) -> Comparison:
    """Returns where the disturbed manifest is not the undisturbed one without the quarantined items.

    Only broken audio may be quarantined, and what the undisturbed run quarantines too.
    """
    rows, others = (
        {row.item_id: row for row in read_table(one.table("manifest", "manifest"), ManifestRow)}
        for one in (chaos, clean)
    )
    quarantine = read_quarantine(chaos)
    lost = {row.item_id for row in quarantine}
    refused = {(row.stage, row.item_id): row.message for row in read_quarantine(clean)}
    expected = {name: row for name, row in others.items() if name not in lost}
    wrong = [f"missing {name}" for name in expected.keys() - rows.keys()]
    wrong += [f"extra {name}" for name in rows.keys() - expected.keys()]
    wrong += [f"differs {name}" for name in rows.keys() & expected.keys() if rows[name] != expected[name]]
    wrong += [
        f"quarantined though whole: {row.item_id}: {row.message}"
        for row in quarantine
        if row.item_id.split("~")[0] not in broken and refused.get((row.stage, row.item_id)) != row.message
    ]
    wrong += [f"no reason: {row.item_id}" for row in quarantine if not (row.reason and row.message)]
    for row in rows.values():
        if row.subset == "aa" and hash_file(chaos.path(row.audio_path)) != row.audio_sha256:
            wrong.append(f"the audio of {row.item_id} is not the manifest's")
    return Comparison(len(rows), len(expected), len(quarantine), _reasons(quarantine), wrong)


def _reasons(quarantine: list[Quarantine]) -> dict[str, int]:
    return dict(sorted(Counter(f"{row.stage}: {row.reason}" for row in quarantine).items()))


def chaos(items: int, *, fail: float, broken: float, kills: int, folder: Path) -> Comparison:
    """Runs both workspaces in `folder` and compares them."""
    clean, copy = Workspace(folder / "clean"), Workspace(folder / "chaos")
    make_clips(clean, items)
    shutil.copytree(clean.root, copy.root, copy_function=os.link)
    broken_clips = break_files(copy, broken)
    plan = [("augment", items // 8), ("recaption", items // 5), ("paraphrase", items // 6)]
    plan = sorted(plan * -(-kills // 3), key=lambda kill: STAGES.index(kill[0]))[:kills] if kills > 3 else plan[:kills]
    with Endpoint(fail).serving() as endpoint:
        base = {**os.environ, "OPENAI_API_KEY": "x", "PYTHONWARNINGS": "ignore"}
        started = time.monotonic()
        run_with_kills(clean.root, {**base, "OPENAI_BASE_URL": f"{endpoint.url}/clean/v1"}, [])
        undisturbed_s = time.monotonic() - started
        made = run_with_kills(copy.root, {**base, "OPENAI_BASE_URL": f"{endpoint.url}/chaos/v1"}, plan)
        disturbed_s = time.monotonic() - started - undisturbed_s
        if made != kills:
            raise SystemExit(f"only {made} of {kills} kills found the process running")
        print(f"undisturbed {undisturbed_s:.0f} s, disturbed {disturbed_s:.0f} s; requests {dict(endpoint.asked)}")
    return compare(clean, copy, broken_clips)


def main() -> None:
    """Runs and prints the comparison; exit code 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--fail", type=float, default=0.2, help="share of requests that fail")
    parser.add_argument("--broken", type=float, default=0.05, help="share of audio files that are broken")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--stages", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stages:
        run_stages(arguments.stages)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = chaos(
            arguments.items,
            fail=arguments.fail,
            broken=arguments.broken,
            kills=arguments.kills,
            folder=Path(folder),
        )
    print(f"{arguments.items} items, {arguments.kills} kills: {found.rows} manifest rows, expected {found.expected}")
    print(f"{found.quarantined} quarantined: {found.reasons}")
    for line in found.wrong[:20]:
        print(f"WRONG {line}")
    sys.exit(1 if found.wrong else 0)


if __name__ == "__main__":
    main()
