"""The Gradio page: widgets and who calls what. All that is decided is decided in `tasks.commands.app.logic`.

Nothing leaves the machine: no telemetry, no fonts or scripts from elsewhere, no share link, loopback only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.generation import TASKS
from tasks.commands.app.logic import FIELDS, Form, about, choices, example_files, fields_of, needs, run
from tasks.commands.generate.session import InferenceSession

HOST: Final = "127.0.0.1"
FIRST: Final = "vta"
LABELS: Final[dict[str, str]] = {
    "video": "Video",
    "text": "Sentence",
    "original": "Sound to edit; without it the video's own",
    "reference_audio": "Reference sound",
    "reference_video": "The reference sound's own video",
    "window": "Window in seconds, e.g. 2.0:3.5",
}
_HEIGHT: Final = 300  # pixels of a video, so that the button stays in view
_FONTS: Final = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")
_CSS: Final = """
.placeholders, .problem, .done { padding: .6rem .9rem; border-radius: .5rem; border-left: 4px solid; }
.placeholders { background: #fff4d6; border-color: #b7791f; color: #4a3207; }
.problem { background: #fde8e8; border-color: #c53030; color: #63171b; }
.done { background: #e6f4ea; border-color: #2f855a; color: #1c4532; }
.placeholders *, .problem *, .done * { color: inherit !important; }
.placeholders .placeholders, .problem .problem, .done .done { padding: 0; border: 0; background: none; }
footer { display: none !important; }
#generate { background: #b4430a; color: #fff; }
#generate:hover { background: #923608; }
"""


def gradio() -> Any:
    """Returns the library, its telemetry off before it is imported. Raises UsageError when it is not installed."""
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
        gr.Markdown("# FoleyGenEx\nSound for silent video, by picture, sentence and reference sound.")
        gr.Markdown(about(session), elem_classes="placeholders", elem_id="about")
        with gr.Row():
            with gr.Column():
                task = gr.Radio(choices(), value=FIRST, label="Task", elem_id="task")
                hint = gr.Markdown(TASKS[FIRST].help, elem_id="hint")
                fields = _fields(gr)
                with gr.Accordion("Settings", open=False):
                    numbers = _numbers(gr)
                button = gr.Button("Generate", variant="primary", elem_id="generate")
            with gr.Column():
                words = gr.Markdown("The result appears here.", elem_id="words")
                film = gr.Video(
                    label="Video with its new sound",
                    interactive=False,
                    elem_id="film",
                    height=_HEIGHT,
                    buttons=["download"],
                )
                sound = gr.Audio(
                    label="Sound", interactive=False, type="filepath", elem_id="sound", buttons=["download"]
                )
                download = gr.File(label="Download", interactive=False, elem_id="download")
        inputs = [task, *fields.values(), *numbers]
        task.change(_on_task(gr), task, [hint, *fields.values()], queue=False, api_visibility="private")
        button.click(_on_generate(gr, session, folder), inputs, [words, film, sound, download], api_name="generate")
        forms = example_files(folder)
        gr.Examples(
            [[form.task, *(getattr(form, name) for name in FIELDS)] for form in forms],
            [task, *fields.values()],
            example_labels=[TASKS[form.task].title for form in forms],
            label="Try one",
            cache_examples=False,
        )
    return page.queue(max_size=8, default_concurrency_limit=1)


def _fields(gr: Any) -> dict[str, Any]:
    """Returns the inputs by the form's field, in its order."""
    makers: dict[str, Callable[..., Any]] = {
        "video": gr.Video,
        "text": gr.Textbox,
        "original": gr.Audio,
        "reference_audio": gr.Audio,
        "reference_video": gr.Video,
        "window": gr.Textbox,
    }
    more: dict[str, dict[str, Any]] = {
        "original": {"type": "filepath"},
        "reference_audio": {"type": "filepath"},
        "video": {"height": _HEIGHT},
        "reference_video": {"height": _HEIGHT},
    }
    return {
        name: makers[name](
            label=_label(FIRST, name), visible=name in fields_of(FIRST), elem_id=name, **more.get(name, {})
        )
        for name in FIELDS
    }


def _numbers(gr: Any) -> list[Any]:
    return [
        gr.Number(label="Seconds (0: the video's length)", value=0, minimum=0, elem_id="duration"),
        gr.Number(label="Seed", value=0, precision=0, minimum=0, elem_id="seed"),
        gr.Slider(1, 100, value=25, step=1, label="Steps (the paper: 25)", elem_id="steps"),
        gr.Slider(1, 10, value=4.5, step=0.1, label="Guidance (the paper: 4.5)", elem_id="cfg"),
    ]


def _label(task: str, field: str) -> str:
    return LABELS[field] if needs(task, field) or field == "original" else f"{LABELS[field]} (optional)"


def _on_task(gr: Any) -> Callable[[str], list[Any]]:
    def change(task: str) -> list[Any]:
        shown = fields_of(task)
        return [TASKS[task].help, *(gr.update(visible=name in shown, label=_label(task, name)) for name in FIELDS)]

    return change


def _on_generate(gr: Any, session: InferenceSession, folder: Path) -> Callable[..., list[Any]]:
    def generate(
        task: str,
        video: str | None,
        text: str | None,
        original: str | None,
        reference_audio: str | None,
        reference_video: str | None,
        window: str | None,
        duration: float,
        seed: int,
        steps: int,
        cfg: float,
    ) -> list[Any]:
        form = Form(
            task=task,
            video=video,
            text=text,
            original=original,
            reference_audio=reference_audio,
            reference_video=reference_video,
            window=window,
            duration_s=duration,
            seed=seed,
            steps=steps,
            cfg_scale=cfg,
        )
        outcome = run(form, session, folder)
        kind = "problem" if outcome.problem else "done"
        film, sound = _text(outcome.film), _text(outcome.sound)
        files = [name for name in (film, sound) if name]
        playable = film if film and film.endswith(".mp4") else None
        return [gr.update(value=outcome.words, elem_classes=kind), playable, sound, files or None]

    return generate


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


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
    """Returns how the page is served: loopback only, nothing shared, nothing loaded from elsewhere."""
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
    }
