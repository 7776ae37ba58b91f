// What the controls do, and the start.
const onClick = (name, act) => element(name).addEventListener("click", act);
element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  query = element("query").value.trim();
  search(query);
  noteAddress();
});
function clearAll() {
  query = "";
  element("query").value = "";
  clear();
  noteAddress();
}
function showAlike(rows, what) {
  const found = alike(rows).slice(0, SHOWN.sound);
  const sections = [{ heading: "", rows: found.map(([row]) => row), first: SHOWN.sound, note: cosineOf(found) }];
  show(sections, found.length ? `Nearest to ${what}` : `Nothing has a place near ${what}`);
  // How far to trust it.
  if (data.likeness) element("results").append(made("p", data.likeness, { className: "soft" }));
}
onClick("clear", clearAll);
onClick("like", () => showAlike([selected], `“${data.titles[selected]}”`));
onClick("way", startWay);
onClick("add", () => enqueue([selected]));
onClick("queue-all", () => enqueue(listed));
onClick("save", () => save(listed, query || element("status").textContent.slice(0, 40) || data.name));
onClick("queue-clear", () => {
  queue = [];
  drawQueue();
});
onClick("queue-save", () => save(queue, data.name));
onClick("queue-like", () => showAlike(queue, "the clips in the queue"));
onClick("next", next);
onClick("previous", previous);
element("play-on").addEventListener("change", drawQueue);
onClick("closer", () => zoomAt(box.width / 2, box.height / 2, 1.5));
onClick("farther", () => zoomAt(box.width / 2, box.height / 2, 1 / 1.5));
onClick("whole", () => look(fitted(core)));
onClick("outlying", () => look(fitted(whole)));
onClick("lasso", () => pressed(element("lasso"), element("lasso").getAttribute("aria-pressed") !== "true"));
onClick("in-view", () => {
  const rows = seen().filter((row) => layers[row] !== FADED);
  show([{ heading: "", rows, first: 20 }], `${counted(rows.length, "clip")} in view`);
});
element("names").addEventListener("change", requestDraw);
element("color").addEventListener("change", () => {
  // A list stays, unless it is of an entry of the old legend.
  if (document.querySelector("#legend [aria-pressed=true]")) clear();
  paint(element("color").value);
  noteAddress();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clearAll();
});

for (const { name } of colourings().length ? colourings() : [firstColumn()]) {
  element("color").append(made("option", name, { value: name }));
}
element("name").textContent = `${data.name}: ${counted(total, "clip")}`;
const isHeard = data.sounds.some(Boolean);
element("hint").textContent = `Clips that lie close together are alike; the directions mean nothing. Click one to ${isHeard ? "hear it" : "read its lyrics: there are no sound files"}.`;
document.title = `Music map: ${data.name}`;
element("limits").textContent = data.unsearchable;
element("limits").hidden = !data.unsearchable;
element("outlying").hidden = !outlying.length;
element("outlying").textContent = `${counted(outlying.length, "clip")} far out`;
element("key").open = !window.matchMedia("(max-width: 50rem)").matches;

paint(firstColumn().name);
new ResizeObserver(measure).observe(element("frame"));
measure();
look(fitted(core));
drawQueue();
stopAt(0);
focusMarks[turn].hidden = false;
const lyricsOpened = unpack("lyrics-data").then((texts) => {
  lyrics = texts;
  showLyrics();
  document.body.dataset.ready = "all";
});
// With a query the lyrics are opened first.
const addressRead = readAddress();
draw();
document.body.dataset.ready = "map";
await addressRead;
isReady = true;
window.addEventListener("hashchange", readAddress);
