// Players: the spectrogram is the seek bar. Without this script the browser's own controls are shown.
(() => {
  "use strict";
  document.documentElement.classList.add("js");
  const playing = new Set();

  const show = (track, seconds) => {
    track.head.style.left = `${(100 * seconds) / track.span}%`;
    track.seek.value = seconds;
    track.seek.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${track.duration.toFixed(1)} seconds`);
    track.time.textContent = seconds > 0 ? `${seconds.toFixed(1)} / ${track.duration.toFixed(1)} s` : `${track.duration.toFixed(1)} s`;
  };

  const mark = (track, on) => {
    track.element.classList.toggle("playing", on);
    track.button.setAttribute("aria-label", `${on ? "Pause" : "Play"}: ${track.title}`);
    if (!track.bar) return;
    track.bar.classList.toggle("playing", on);
    track.bar.querySelector(".play").setAttribute("aria-label", `${on ? "Pause" : "Play"} the video`);
  };

  const follow = () => {
    for (const track of playing) show(track, track.media.currentTime);
    if (playing.size) requestAnimationFrame(follow);
  };

  const started = (track) => {
    for (const other of [...playing]) if (other !== track && other.media !== track.media) other.media.pause();
    const idle = playing.size === 0;
    for (const other of [...playing]) if (other !== track && other.media === track.media) stopped(other);
    playing.add(track);
    mark(track, true);
    if (idle) requestAnimationFrame(follow);
  };

  const stopped = (track) => {
    playing.delete(track);
    mark(track, false);
    show(track, track.media.ended ? 0 : track.media.currentTime);
  };

  // Switches the card's video to the audio of `track`, keeping the position.
  const choose = (card, track) => {
    if (!track.video || card.current === track) return;
    const media = card.video, at = media.currentTime, wasPlaying = !media.paused && !media.ended;
    if (card.current) stopped(card.current);
    card.current = track;
    media.src = track.video;
    media.addEventListener("loadedmetadata", () => { media.currentTime = at; if (wasPlaying) media.play(); }, { once: true });
    for (const button of card.buttons) button.setAttribute("aria-pressed", String(card.tracks[button.dataset.track] === track));
  };

  const toggle = (card, track) => {
    const same = !track.video || card.current === track;
    if (same && !track.media.paused) return track.media.pause();
    choose(card, track);
    track.media.play();
  };

  const jump = (card, track) => {
    choose(card, track);
    const seconds = Math.min(Number(track.seek.value), track.duration);
    if (track.media.readyState > 0) track.media.currentTime = seconds;
    else { track.media.addEventListener("loadedmetadata", () => { track.media.currentTime = seconds; }, { once: true }); track.media.load(); }
    show(track, seconds);
  };

  const makeTrack = (element, card) => {
    const track = {
      element, title: element.querySelector(".track-title").textContent, head: element.querySelector(".head"),
      seek: element.querySelector(".seek"), button: element.querySelector(".play"), time: element.querySelector(".time"),
      span: Number(element.dataset.span), duration: Number(element.dataset.duration),
    };
    if (!track.button || !track.seek) return null;
    if (element.dataset.video) {
      track.media = card.video;
      track.bar = card.bar;
      track.video = element.dataset.video === "own" ? card.video.src : element.dataset.video;
      if (element.dataset.video === "own") card.current = track;
    } else {
      track.media = element.querySelector("audio");
      track.media.controls = false;
      for (const kind of ["pause", "ended"]) track.media.addEventListener(kind, () => stopped(track));
      track.media.addEventListener("play", () => started(track));
    }
    track.button.addEventListener("click", () => toggle(card, track));
    track.seek.addEventListener("input", () => jump(card, track));
    track.seek.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") { event.preventDefault(); toggle(card, track); }
    });
    return track;
  };

  for (const element of document.querySelectorAll("[data-card]")) {
    const card = { video: element.querySelector("video"), bar: element.querySelector(".video-bar"), current: null, buttons: [...element.querySelectorAll("[data-track]")] };
    card.tracks = [...element.querySelectorAll(".track")].map((track) => makeTrack(track, card));
    for (const button of card.buttons) button.addEventListener("click", () => choose(card, card.tracks[button.dataset.track]));
    if (!card.video) continue;
    card.video.controls = false; // they would cover the lower part of the video
    for (const place of [card.video, card.bar.querySelector(".play")])
      place.addEventListener("click", () => card.current && toggle(card, card.current));
    card.video.addEventListener("play", () => card.current && started(card.current));
    for (const kind of ["pause", "ended"]) card.video.addEventListener(kind, () => card.current && stopped(card.current));
    card.video.addEventListener("seeked", () => card.current && show(card.current, card.video.currentTime));
  }
})();
