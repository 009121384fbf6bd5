"""The Gradio page: its widgets and what they call. What a form means is decided in `tasks.commands.app.logic`.

Loopback only; nothing is sent or loaded elsewhere: no telemetry, no share link, no foreign fonts or scripts.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.generation import TASKS
from tasks.commands.app.logic import FIELDS, PageForm, example_files, fields_of, run
from tasks.commands.generate.session import InferenceSession

HOST: Final = "127.0.0.1"
FIRST: Final = "vta"
LABELS: Final[dict[str, str]] = {
    "video": "Video",
    "text": "Prompt",
    "original": "Audio to edit; without it the video's own",
    "reference_audio": "Reference audio",
    "reference_video": "The reference audio's own video",
    "window": "Window in seconds, e.g. 2.0:3.5",
}
_HEIGHT: Final = 300  # pixels of a video, so that the button below stays visible
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
        with gr.Row():
            with gr.Column():
                task = gr.Radio(
                    [(task.title, name) for name, task in TASKS.items()], value=FIRST, label="Task", elem_id="task"
                )
                hint = gr.Markdown(TASKS[FIRST].help, elem_id="hint")
                fields = _fields(gr)
                with gr.Accordion("Settings", open=False):
                    numbers = _numbers(gr)
                button = gr.Button("Generate", variant="primary", elem_id="generate")
            with gr.Column():
                message = gr.Markdown("The result appears here.", elem_id="message")
                video = gr.Video(
                    label="Video with its new audio",
                    interactive=False,
                    elem_id="video_out",
                    height=_HEIGHT,
                    buttons=["download"],
                )
                audio = gr.Audio(
                    label="Audio", interactive=False, type="filepath", elem_id="audio", buttons=["download"]
                )
                download = gr.File(label="Download", interactive=False, elem_id="download")
        inputs = [task, *fields.values(), *numbers]
        task.change(_on_task(gr), task, [hint, *fields.values()], queue=False, api_visibility="private")
        button.click(_on_generate(gr, session, folder), inputs, [message, video, audio, download], api_name="generate")
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
    """Returns the input widgets by the name of the form's field, in its order."""
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
    return LABELS[field] if field in TASKS[task].inputs or field == "original" else f"{LABELS[field]} (optional)"


def _on_task(gr: Any) -> Callable[[str], list[Any]]:
    def change(task: str) -> list[Any]:
        shown = fields_of(task)
        return [TASKS[task].help, *(gr.update(visible=name in shown, label=_label(task, name)) for name in FIELDS)]

    return change


def _on_generate(gr: Any, session: InferenceSession, folder: Path) -> Callable[..., list[Any]]:
    names = [field.name for field in dataclasses.fields(PageForm)]

    def generate(*values: Any) -> list[Any]:
        result = run(PageForm(**dict(zip(names, values, strict=True))), session, folder)
        files = [str(path) for path in (result.video, result.audio) if path]
        playable = str(result.video) if result.video and result.video.suffix == ".mp4" else None
        kind = "problem" if result.failed else "done"
        message = gr.update(value=result.message, elem_classes=kind)
        return [message, playable, str(result.audio) if result.audio else None, files or None]

    return generate


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
    }
