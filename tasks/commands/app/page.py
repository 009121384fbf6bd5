"""The Gradio page: its widgets and what they call. What a form means is decided in `tasks.commands.app.logic`.

Loopback only; nothing is sent or loaded elsewhere: no telemetry, no share link, no foreign fonts or scripts.
"""

from __future__ import annotations

import html
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

from starlette.middleware import Middleware

from data_contracts import UsageError
from data_contracts.generation import TASKS
from tasks.commands.app.logic import (
    CANCELLED,
    FIELDS,
    MAX_VARIANTS,
    FormResult,
    PageForm,
    Step,
    example_files,
    fields_of,
    generate,
)
from tasks.commands.app.words import label, label_with_hint
from tasks.commands.generate.session import InferenceSession
from tasks.commands.local_only import HOSTS, LocalOnly

HOST: Final = HOSTS[0]
FIRST: Final = "vta"
MAX_SEED: Final = 1_000_000
_NUMBERS: Final = ("duration_s", "seed", "steps", "cfg_scale")
_HEIGHT: Final = 300  # pixels of a video, so that the button below stays visible
_FONTS: Final = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")
_CSS: Final = (Path(__file__).parent / "page.css").read_text("utf-8")


def gradio() -> Any:
    """Returns the library, with its telemetry switched off. Raises UsageError when it is not installed."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio as gr
    except ImportError as error:
        raise UsageError(f"the page needs Gradio ({error}): pip install 'foleygenex[app]'") from error
    return gr


def build(session: InferenceSession, folder: Path) -> Any:
    """Returns the page (`gradio.Blocks`) for one loaded checkpoint; results and examples are written in `folder`."""
    gr = gradio()
    with gr.Blocks(title="FoleyGenEx", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        gr.Markdown("# FoleyGenEx\nAudio for silent video, from its frames, a prompt and reference audio.")
        gr.Markdown(session.note, elem_classes="placeholders", elem_id="about")
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=2, min_width=300):
                inputs = _form(gr)
                button = gr.Button("Generate", variant="primary", elem_id="generate")
                cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel")
            with gr.Column(scale=3, min_width=300):
                message = gr.HTML(_message("The result appears here."), elem_id="message")
                with gr.Row(elem_id="results"):
                    results = [_result(gr, number) for number in range(1, MAX_VARIANTS + 1)]
        _connect(_View(gr, message, button, cancel, results), inputs, session, folder)
        _examples(gr, inputs, folder)
    return page.queue(max_size=8, default_concurrency_limit=1)


def _form(gr: Any) -> dict[str, Any]:
    """Returns the widgets of the form by the name of their field; another task shows other ones."""
    task = gr.Radio([(task.title, name) for name, task in TASKS.items()], value=FIRST, label="Task", elem_id="task")
    hint = gr.Markdown(TASKS[FIRST].help, elem_id="hint")
    fields = _fields(gr)
    negative = gr.Textbox(label=label("negative"), placeholder="e.g. music, wind", elem_id="negative")
    variants = gr.Slider(1, MAX_VARIANTS, value=1, step=1, label=label("variants"), elem_id="variants")
    with gr.Accordion("Settings", open=False, elem_id="settings"):
        numbers = _numbers(gr)
    task.change(_on_task(gr), task, [hint, *fields.values()], queue=False, api_visibility="private")
    return {"task": task, **fields, "negative": negative, "variants": variants, **numbers}


def _connect(view: _View, inputs: dict[str, Any], session: InferenceSession, folder: Path) -> None:
    """Makes the buttons work; the event that cancels a generation is part of the visitor's state."""
    stop, quiet = view.gr.State(None), {"show_progress": "hidden", "api_visibility": "private"}
    started = view.button.click(view.begin, None, [stop, *view.outputs], queue=False, **quiet)
    generates = view.handler(list(inputs), session, folder)
    started.then(generates, [stop, *inputs.values()], view.outputs, **quiet)
    view.cancel.click(_cancel, stop, None, queue=False, **quiet)


def _examples(gr: Any, inputs: dict[str, Any], folder: Path) -> None:
    names, forms = ("task", *FIELDS), example_files(folder)
    gr.Examples(
        [[getattr(form, name) for name in names] for form in forms],
        [inputs[name] for name in names],
        example_labels=[TASKS[form.task].title for form in forms],
        label="Try one",
        cache_examples=False,
    )


@dataclass(frozen=True, slots=True)
class _Result:
    """The widgets of one variant."""

    column: Any
    facts: Any
    video: Any
    audio: Any
    files: Any

    def shown(self, gr: Any, result: FormResult) -> dict[Any, Any]:
        """Returns the updates that show a result: players, and the files to download."""
        files = [str(path) for path in (result.video, result.audio, result.sidecar) if path]
        playable = str(result.video) if result.video and result.video.suffix == ".mp4" else None
        kind = "warning" if result.warnings else "done"
        return {
            self.column: gr.update(visible=True),
            self.facts: _message(result.message, kind),
            self.video: gr.update(value=playable, visible=playable is not None),
            self.audio: str(result.audio),
            self.files: files,
        }


@dataclass(frozen=True, slots=True)
class _View:
    """What a generation changes on the page."""

    gr: Any
    message: Any
    button: Any
    cancel: Any
    results: list[_Result]

    @property
    def outputs(self) -> list[Any]:
        """All widgets that it changes."""
        widgets = [getattr(one, name) for one in self.results for name in _Result.__slots__]
        return [self.message, self.button, self.cancel, *widgets]

    def begin(self) -> list[Any]:
        """Returns a new event that cancels the generation, and the page while it is waited for."""
        hidden = [
            self.gr.update(visible=False) if name == "column" else None for _ in self.results
            for name in _Result.__slots__
        ]  # fmt: skip
        running = _message("Waiting for the generation before this one, if any.")
        return [Event(), running, self.gr.update(visible=False), self.gr.update(visible=True), *hidden]

    def handler(self, names: list[str], session: InferenceSession, folder: Path) -> Callable[..., Iterator[Any]]:
        """Returns what Gradio calls with the event and the values of the form; it yields updates by widget."""

        def run(stop: Event | None, *values: Any) -> Iterator[dict[Any, Any]]:
            form = PageForm(**dict(zip(names, values, strict=True)))
            found: list[FormResult] = []
            last = ""
            for update in generate(form, session, folder, stop or Event()):
                if isinstance(update, Step):
                    yield {self.message: _progress(update, form)}
                elif update.failed:
                    last = _message(update.message, "waits" if update.message == CANCELLED else "problem")
                else:
                    yield self.results[len(found)].shown(self.gr, update)
                    found.append(update)
            done = "Done." if len(found) == 1 else f"Done: {len(found)} variants."
            idle = {self.button: self.gr.update(visible=True), self.cancel: self.gr.update(visible=False)}
            yield {self.message: last or _message(done, "done"), **idle}

        return run


def _cancel(stop: Event | None) -> None:
    if stop is not None:
        stop.set()


def _message(text: str, kind: str = "waits") -> str:
    return f'<p class="{kind}" role="status">{html.escape(text)}</p>'


def _progress(step: Step, form: PageForm) -> str:
    many = f"Variant {step.variant} of {form.variants:g}: " if (form.variants or 1) > 1 else ""
    text = f"{many}step {step.done} of {step.total}"
    return f'<p class="waits">{text}<progress value="{step.done}" max="{step.total}">{text}</progress></p>'


def _result(gr: Any, number: int) -> _Result:
    with gr.Column(visible=False, min_width=240, elem_classes="variant", elem_id=f"variant-{number}") as column:
        facts = gr.HTML(elem_classes="facts")
        video = gr.Video(
            label="Video with its new audio", interactive=False, height=_HEIGHT, buttons=["download"],
            elem_classes="video-out",
        )  # fmt: skip
        audio = gr.Audio(label="Audio", interactive=False, type="filepath", buttons=["download"])
        files = gr.File(label="Download: video, audio, sidecar (JSON)", interactive=False, elem_classes="download")
    return _Result(column, facts, video, audio, files)


def _fields(gr: Any) -> dict[str, Any]:
    """Returns the input widgets by the name of the form's field, in its order."""
    makers: dict[str, Callable[..., Any]] = {
        "video": gr.Video,
        "text": gr.Textbox,
        "original": gr.Audio,
        "reference_audio": gr.Audio,
        "reference_video": gr.Video,
        "window": gr.Textbox,
    }
    # no buttons: one of them would share the file elsewhere
    video: dict[str, Any] = {"height": _HEIGHT, "sources": ["upload"], "buttons": []}
    audio: dict[str, Any] = {"type": "filepath", "sources": ["upload", "microphone"], "buttons": []}
    more = {"video": video, "reference_video": video, "original": audio, "reference_audio": audio}
    return {
        name: makers[name](
            label=_label(FIRST, name), visible=name in fields_of(FIRST), elem_id=name, **more.get(name, {})
        )
        for name in FIELDS
    }


def _numbers(gr: Any) -> dict[str, Any]:
    """Returns the number fields by the name of the form's field, with the button that draws a seed."""
    duration = gr.Number(label=f"{label('duration')} (0: the video's length)", value=0, minimum=0, elem_id="duration")
    with gr.Row(elem_id="seeds"):
        seed = gr.Number(label=label("seed"), value=0, precision=0, minimum=0, min_width=120, elem_id="seed")
        draw = gr.Button("Random seed", min_width=120, size="sm", elem_id="random")
    draw.click(lambda: secrets.randbelow(MAX_SEED), None, seed, queue=False, api_visibility="private")
    steps = gr.Slider(1, 100, value=25, step=1, label=f"{label('steps')} (the paper: 25)", elem_id="steps")
    cfg = gr.Slider(1, 10, value=4.5, step=0.1, label=f"{label('cfg')} (the paper: 4.5)", elem_id="cfg")
    return dict(zip(_NUMBERS, (duration, seed, steps, cfg), strict=True))


def _label(task: str, field: str) -> str:
    return label_with_hint(field, is_optional=field not in (*TASKS[task].inputs, "original"))


def _on_task(gr: Any) -> Callable[[str], list[Any]]:
    def change(task: str) -> list[Any]:
        shown = fields_of(task)
        return [TASKS[task].help, *(gr.update(visible=name in shown, label=_label(task, name)) for name in FIELDS)]

    return change


def serve(session: InferenceSession, port: int, say: Callable[[str], Any], *, opens_browser: bool = False) -> None:
    """Serves the page on this machine until interrupted. Raises UsageError when the port is taken."""
    gr = gradio()
    with tempfile.TemporaryDirectory(prefix="foleygenex-app-") as folder:
        page = build(session, Path(folder))
        try:
            page.launch(
                **settings(gr, Path(folder)), server_port=port, inbrowser=opens_browser, prevent_thread_lock=True
            )
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used, another program may have it; give another with --port"
            ) from error
        say(f"open http://{HOST}:{port} (Ctrl-C ends it)")
        try:
            page.block_thread()
        finally:
            page.close()


def settings(gr: Any, folder: Path) -> dict[str, Any]:
    """Returns the arguments of `launch`: loopback only, nothing shared, nothing loaded from elsewhere."""
    return {
        "server_name": HOST,
        "share": False,
        "quiet": True,
        "run_history": False,
        "footer_links": [],
        "pwa": False,
        "mcp_server": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "max_file_size": "500mb",
        "allowed_paths": [str(folder)],
        "theme": gr.themes.Default(font=list(_FONTS), font_mono=["ui-monospace", "monospace"]),
        "css": _CSS,
        "app_kwargs": {"middleware": [Middleware(LocalOnly)]},
    }
