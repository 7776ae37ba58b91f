// The clip that is selected, its sound, and the queue.
const player = element("player");
let queue = [];
const played = [];
let previews = null;

const factsOf = (row) => data.columns.map(({ name, values, codes, numbers }) => {
  const value = numbers.length ? numbers[row] : values[codes[row]];
  // Title and artist have a line of their own, and a cluster's name says that it is one.
  if (value === undefined || value === null || name === "artist") return "";
  return name === "cluster" ? value : `${name}: ${value}`;
}).filter(Boolean);

function select(row, { isPlayed = true } = {}) {
  if (wayFrom >= 0 && row !== wayFrom) endWay(row);
  if (selected >= 0 && selected !== row) played.push(selected);
  selected = row;
  intoView(row);
  if (document.activeElement !== focusMarks[turn]) stopAt(row);
  requestDraw();
  element("title").textContent = data.titles[row];
  element("artist").textContent = [data.artists[row], data.albums[row]].filter(Boolean).join(" · ");
  element("artist").hidden = !element("artist").textContent;
  element("facts").textContent = factsOf(row).join(" · ");
  showLyrics();
  element("detail").hidden = false;
  element("now").hidden = false;
  markCurrent();
  load(row, isPlayed);
  noteAddress();
}

function showLyrics() {
  if (selected < 0) return;
  element("lyrics").textContent = lyrics ? lyrics[selected] || "(no lyrics)" : "";
  element("lyrics").scrollTop = 0;
}

function load(row, isPlayed) {
  player.pause();
  const sound = data.sounds[row] || previewOf(row);
  player.hidden = !sound;
  element("silence").textContent = sound ? "" : "There is no sound file of this clip.";
  if (!sound) {
    player.removeAttribute("src");
    return;
  }
  player.src = sound;
  // Refused by a browser that wants a second click, or by a file that is gone, which the player's own error tells.
  if (isPlayed) player.play().catch(() => {});
}
function previewOf(row) {
  previews ??= JSON.parse(element("previews").textContent);
  return previews[row] ? `data:audio/mpeg;base64,${previews[row]}` : "";
}
player.addEventListener("error", () => {
  if (!player.hasAttribute("src")) return;
  const preview = previewOf(selected);
  if (preview && !player.src.startsWith("data:")) {
    element("silence").textContent = "This is a preview: the whole sound isn't where this page looks for it.";
    player.src = preview;
    player.play().catch(() => {});
  } else {
    element("silence").textContent = "The sound can't be played: was its file moved, or this page away from it?";
  }
});

function enqueue(rows) {
  const waiting = new Set(queue);
  queue.push(...rows.filter((row) => !waiting.has(row)));
  drawQueue();
  element("told").textContent = `${counted(queue.length, "clip")} in the queue`;
  if (selected < 0) next();
}
const MOST_QUEUED_SHOWN = 100;
function drawQueue() {
  element("queue-size").textContent = `Queue (${queue.length})`;
  element("queue").replaceChildren(...queue.slice(0, MOST_QUEUED_SHOWN).map((row, at) => {
    const item = document.createElement("li");
    const button = made("button", nameOf(row), { className: "clip", dir: "auto" });
    button.dataset.row = row;
    button.addEventListener("click", () => {
      queue.splice(at, 1);
      drawQueue();
      select(row);
    });
    const away = made("button", "−", { className: "add", title: "Take out of the queue" });
    away.setAttribute("aria-label", `Take out of the queue: ${nameOf(row)}`);
    away.addEventListener("click", () => {
      queue.splice(at, 1);
      drawQueue();
    });
    item.append(button, away);
    return item;
  }));
  for (const name of ["queue-clear", "queue-save", "queue-like"]) element(name).disabled = !queue.length;
  element("next").disabled = !queue.length && !element("play-on").checked;
}

// From the queue, at random where it is shuffled; when it is empty, on to what is most alike and was not played yet.
function next() {
  const at = element("shuffle").checked ? Math.floor(Math.random() * queue.length) : 0;
  const [row] = queue.splice(at, 1);
  drawQueue();
  if (row !== undefined) return select(row);
  if (!element("play-on").checked || selected < 0) return undefined;
  const heardBefore = new Set([...played, selected]);
  const found = alike([selected]).find(([other]) => data.sounds[other] && !heardBefore.has(other));
  return found && select(found[0]);
}
function previous() {
  const row = played.pop();
  if (row === undefined) return;
  select(row);
  played.pop(); // where it came from is no step forward
}
player.addEventListener("ended", next);
