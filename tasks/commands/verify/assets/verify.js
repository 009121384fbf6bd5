// Shows one row at a time. An answer is saved before the next row is shown; when saving fails, the row stays and the error is shown.
(() => {
  "use strict";
  const { rows, summary } = JSON.parse(document.getElementById("content").textContent);
  const find = (selector) => document.querySelector(selector);
  const [card, done, trouble, note] = [".row", ".done", ".trouble[role]", "#note"].map(find);
  const players = [...document.querySelectorAll("audio[data-key]")];  // the first one is played after an answer
  let at = 0;
  let saving = Promise.resolve();

  const firstOpen = () => {
    const open = rows.findIndex((row) => !row.answer);
    return open < 0 ? rows.length : open;
  };

  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  const showSummary = (table) => {
    const body = find(".summary tbody");
    if (!body) return;
    body.replaceChildren(...table.map((line) => {
      const cells = [line.stratum, line.rows, line.answered, line.correct, line.unsure,
        line.accuracy === null ? "–" : percent(line.accuracy), `${percent(line.low)} to ${percent(line.high)}`];
      const row = document.createElement("tr");
      row.append(...cells.map((cell) => Object.assign(document.createElement("td"), { textContent: cell })));
      return row;
    }));
  };

  const showProgress = () => {
    const answered = rows.filter((row) => row.answer).length;
    find(".bar span").style.width = `${(100 * answered) / Math.max(rows.length, 1)}%`;
    find(".bar").setAttribute("aria-valuemax", rows.length);
    find(".bar").setAttribute("aria-valuenow", answered);
    find(".count").textContent = `${answered} of ${rows.length} rows answered`;
  };

  const show = (number) => {
    at = Math.max(0, Math.min(number, rows.length));
    for (const player of players) player.pause();
    showProgress();
    card.hidden = at === rows.length;
    done.hidden = firstOpen() < rows.length || !card.hidden;
    if (card.hidden) {
      if (firstOpen() < rows.length) show(firstOpen());
      return;
    }
    const row = rows[at];
    find(".place").textContent = `Row ${at + 1} of ${rows.length}`;
    for (const place of document.querySelectorAll("[data-shown]")) place.textContent = row[place.dataset.shown];
    for (const player of players) player.src = `audio/${at}/${player.id}`;
    note.value = row.note;
    for (const button of document.querySelectorAll("[data-answer]")) {
      button.setAttribute("aria-pressed", String(button.dataset.answer === row.answer));
    }
  };

  const save = (number, answer, text) => {
    const send = async () => {
      const response = await fetch("answer", { method: "POST", body: JSON.stringify({ number, answer, note: text }) });
      const content = await response.json();
      if (!response.ok) throw new Error(content.error);
      Object.assign(rows[number], { answer, note: answer ? text : "" });
      showSummary(content.summary);
      trouble.hidden = true;
    };
    saving = saving.then(send).then(() => true, (error) => {
      trouble.textContent = `Row ${number + 1} is not saved: ${error.message}. Is the command still running?`;
      trouble.hidden = false;
      return false;
    });
    return saving;
  };

  const answer = async (value) => {
    const number = at;
    if (number === rows.length) return;
    const saved = await save(number, value, note.value);
    if (!saved) return;
    if (!value) show(number);
    else if (at === number) show(number + 1);
    if (value && !card.hidden) players[0].play().catch(() => {});  // some browsers play only after a first click
  };

  const toggle = (player) => {
    for (const other of players) if (other !== player) other.pause();
    if (player.paused) player.play().catch((error) => { trouble.textContent = error.message; trouble.hidden = false; });
    else player.pause();
  };

  const keys = {
    Backspace: () => answer(""), t: () => note.focus(), o: () => show(firstOpen()),
    ArrowLeft: () => show(at - 1), ArrowRight: () => show(at + 1),
  };
  for (const player of players) keys[player.dataset.key] = () => toggle(player);
  for (const button of document.querySelectorAll("[data-answer]")) keys[button.dataset.key] = () => answer(button.dataset.answer);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === note) {
      if (event.key === "Enter" || event.key === "Escape") note.blur();
      return;
    }
    if (event.key === " " && event.target.closest("button, summary, audio")) return;  // these have their own use for the space bar
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.repeat) return;
    event.preventDefault();
    act();
  });
  note.addEventListener("change", () => { if (rows[at] && rows[at].answer) save(at, rows[at].answer, note.value); });
  for (const button of document.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", (event) => {
      if (event.detail) button.blur();  // after a mouse click the space bar still controls the player
      answer(button.dataset.answer);
    });
  }
  find("#back").addEventListener("click", () => show(at - 1));
  find("#next").addEventListener("click", () => show(at + 1));
  find("#open").addEventListener("click", () => show(firstOpen()));
  showSummary(summary);
  show(firstOpen());
})();
