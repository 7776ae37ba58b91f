// Lists of clips, each under its heading.
const MOST_LISTED = 500;
let listed = []; // rows of the present lists, in their order: what is queued or saved

// Sections of { heading, rows, first: shown at once, note and line: of a row }.
function show(sections, said) {
  clear();
  const some = sections.filter(({ rows }) => rows.length);
  listed = [...new Set(some.flatMap(({ rows }) => rows))];
  if (listed.length) emphasize(listed);
  element("status").textContent = said;
  element("results").replaceChildren(...some.map(section));
  element("results").scrollTop = 0;
  for (const name of ["clear", "queue-all", "save"]) element(name).hidden = !listed.length;
  markCurrent();
}

function section({ heading, rows, first, note, line }) {
  const list = document.createElement("ol");
  list.setAttribute("aria-label", heading || "Clips");
  const append = (from, to) => list.append(...rows.slice(from, to).map((row) => entry(row, note, line)));
  append(0, first);
  const node = document.createElement("section");
  if (heading) node.append(made("h3", heading));
  node.append(list);
  if (rows.length > first) {
    const more = made("button", `All ${rows.length}`, { className: "more" });
    more.addEventListener("click", () => {
      append(first, MOST_LISTED);
      list.children[first].querySelector("button").focus();
      if (rows.length > MOST_LISTED) more.replaceWith(made("p", `${rows.length - MOST_LISTED} more are not listed.`));
      else more.remove();
      markCurrent();
    });
    node.append(more);
  }
  return node;
}

function entry(row, note, line) {
  const item = document.createElement("li");
  const button = made("button", "", { className: "clip" });
  button.dataset.row = row;
  button.append(made("bdi", data.titles[row]));
  if (data.artists[row]) button.append(" ", made("small", data.artists[row], { dir: "auto" }));
  if (note) button.append(" ", made("small", note(row), { title: "cosine: 1 is the same direction, 0 is none in common" }));
  button.addEventListener("click", () => select(row));
  const add = made("button", "+", { className: "add", title: "Add to the queue" });
  add.setAttribute("aria-label", `Add to the queue: ${nameOf(row)}`);
  add.addEventListener("click", () => enqueue([row]));
  item.append(button, add);
  const words = line?.(row);
  if (words) item.append(made("small", words, { className: "line", dir: "auto" }));
  return item;
}

function markCurrent() {
  for (const button of document.querySelectorAll("#results .clip, #queue .clip")) {
    button.setAttribute("aria-current", String(Number(button.dataset.row) === selected));
  }
}

function clear() {
  for (const button of document.querySelectorAll("#legend button")) pressed(button, false);
  emphasize(null);
  [way, listed] = [[], []];
  element("results").replaceChildren();
  element("status").textContent = "";
  for (const name of ["clear", "queue-all", "save"]) element(name).hidden = true;
}

// A playlist that players open: where the page is a file, by the paths of the clips.
function playlist(rows) {
  const lines = rows.filter((row) => data.sounds[row]).flatMap((row) => {
    const url = new URL(data.sounds[row], location.href);
    const path = url.protocol === "file:" ? decodeURIComponent(url.pathname).replace(/^\/([A-Za-z]:)/u, "$1") : url.href;
    return [`#EXTINF:-1,${nameOf(row).replace(/[\r\n]+/gu, " ")}`, path];
  });
  return ["#EXTM3U", ...lines, ""].join("\n");
}
function save(rows, name) {
  const url = URL.createObjectURL(new Blob([playlist(rows)], { type: "audio/x-mpegurl" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: `${name}.m3u8` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
