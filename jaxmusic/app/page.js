"use strict";
// Text from files reaches the page as textContent only; there is no innerHTML here.
const data = JSON.parse(document.getElementById("data").textContent);
const element = (name) => document.getElementById(name);
const floats = (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
};
const joint = floats(data.joint);
const audio = floats(data.audio);
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c564b", "#5f6b00",
  "#ef5675", "#00876c", "#444e86"];
const GREY = "#9a9a9a";
const SVG = "http://www.w3.org/2000/svg";
const MOST_RESULTS = 20;

const spot = (clip) => [20 + 960 * clip.place[0], 780 - 760 * clip.place[1]];
const circles = data.clips.map((clip, row) => {
  const circle = document.createElementNS(SVG, "circle");
  const [x, y] = spot(clip);
  circle.setAttribute("cx", x);
  circle.setAttribute("cy", y);
  circle.setAttribute("r", data.clips.length > 300 ? 6 : 9);
  // One stop of the Tab key for the whole map; arrow keys go on from there.
  circle.setAttribute("tabindex", row === 0 ? "0" : "-1");
  circle.setAttribute("role", "button");
  const name = clip.artist ? `${clip.title} – ${clip.artist}` : clip.title;
  circle.setAttribute("aria-label", name);
  circle.dataset.row = row;
  const title = document.createElementNS(SVG, "title");
  title.textContent = name;
  circle.append(title);
  element("map").append(circle);
  return circle;
});

// Around the clip that is selected, above all that lie upon it.
const ring = document.createElementNS(SVG, "ellipse");
ring.setAttribute("visibility", "hidden");
element("map").append(ring);

// Which clips are shown in full: those of a search, of a value in the legend, or all.
function emphasize(rows) {
  circles.forEach((circle, row) => circle.classList.toggle("faded", rows !== null && !rows.has(row)));
}

// The most frequent value comes first; clusters are numbered by size.
function paint(name) {
  const values = data.colors[name];
  const counts = new Map();
  for (const value of values) if (value) counts.set(value, (counts.get(value) || 0) + 1);
  const order = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const colors = new Map(order.map((value, i) => [value, i < PALETTE.length ? PALETTE[i] : GREY]));
  circles.forEach((circle, row) => {
    circle.setAttribute("fill", colors.get(values[row]) || GREY);
    circle.classList.toggle("unknown", !values[row]);
  });
  const own = (value) => [value, colors.get(value), (other) => other === value];
  const entries = order.slice(0, PALETTE.length).map(own);
  const rest = new Set(order.slice(PALETTE.length));
  if (rest.size) entries.push([`${rest.size} others`, GREY, (other) => rest.has(other)]);
  if (values.some((value) => !value)) entries.push(["unknown", GREY, (other) => !other]);
  element("legend").replaceChildren(...entries.map(([value, color, belongs]) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const dot = document.createElement("span");
    const rows = new Set([...values.keys()].filter((row) => belongs(values[row])));
    dot.style.background = color;
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(dot, `${value} (${rows.size})`);
    button.addEventListener("click", () => {
      const isPressed = button.getAttribute("aria-pressed") === "true";
      clear();
      if (isPressed) return;
      button.setAttribute("aria-pressed", "true");
      element("status").textContent = `${name}: ${value}`;
      element("clear").hidden = false;
      emphasize(rows);
    });
    item.append(button);
    return item;
  }));
}

function clear() {
  for (const button of document.querySelectorAll("#legend button")) button.setAttribute("aria-pressed", "false");
  emphasize(null);
  element("results").replaceChildren();
  element("status").textContent = data.unsearchable;
  element("clear").hidden = true;
}

let selected = -1;
function select(row) {
  if (selected >= 0) circles[selected].classList.remove("selected");
  selected = row;
  const clip = data.clips[row];
  circles[row].classList.add("selected");
  const [x, y] = spot(clip);
  for (const [name, value] of Object.entries({ cx: x, cy: y, rx: 14, ry: 14, visibility: "visible" })) {
    ring.setAttribute(name, value);
  }
  element("title").textContent = clip.title;
  element("artist").textContent = clip.artist;
  element("artist").hidden = !clip.artist;
  // Title and artist have a line of their own, and a cluster's name says that it is one.
  const facts = Object.keys(data.colors).filter((name) => data.colors[name][row] && !["title", "artist"].includes(name));
  element("facts").textContent = facts.map((name) => (name === "cluster" ? "" : `${name}: `) + data.colors[name][row])
    .join(" · ");
  element("lyrics").textContent = clip.lyrics || "(no lyrics)";
  element("lyrics").scrollTop = 0;
  element("player").pause();
  element("player").hidden = !clip.sound;
  element("silence").textContent = clip.sound ? "" : "There is no sound file of this clip.";
  element("detail").hidden = false;
  for (const button of document.querySelectorAll("#results button")) {
    button.setAttribute("aria-current", String(Number(button.dataset.row) === row));
  }
  if (clip.sound) {
    element("player").src = clip.sound;
    // Refused by a browser that wants a second click, or by a file that is gone, which the player's own error tells.
    element("player").play().catch(() => {});
  } else {
    element("player").removeAttribute("src");
  }
  element("detail").scrollIntoView({ block: "nearest" });
}

function cosines(query, places, allowed) {
  const size = data.latent;
  let norm = 0;
  for (const x of query) norm += x * x;
  const found = [];
  data.clips.forEach((clip, row) => {
    if (!allowed(clip, row)) return;
    let dot = 0, own = 0;
    for (let j = 0; j < size; j++) {
      const x = places[row * size + j];
      dot += x * query[j];
      own += x * x;
    }
    found.push([row, dot / Math.max(Math.sqrt(norm * own), 1e-12)]);
  });
  return found.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

function show(found, said) {
  clear();
  const best = found.slice(0, MOST_RESULTS);
  if (best.length) emphasize(new Set(best.map(([row]) => row)));
  element("clear").hidden = !best.length;
  element("status").textContent = said;
  element("results").replaceChildren(...best.map(([row, cosine]) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const more = document.createElement("small");
    const clip = data.clips[row];
    more.textContent = `${clip.artist ? ` ${clip.artist}` : ""} (${cosine.toFixed(3)})`;
    more.title = "cosine: 1 is the same direction, 0 is none in common";
    button.type = "button";
    button.dataset.row = row;
    button.append(clip.title, more);
    button.addEventListener("click", () => select(row));
    item.append(button);
    return item;
  }));
  element("results").scrollTop = 0;
}

// The words of a text as jaxmusic.text.words has them.
function words(text) {
  const plain = text.normalize("NFC").replace(/[\u2019\u02bc\uff07\u2018]/gu, "'").toLowerCase();
  const spaced = plain.replace(/\u200b/gu, " ").replace(/\p{Cf}/gu, "").replace(/[^\p{L}\p{M}\p{N}']/gu, " ");
  return spaced.split(" ").map((word) => word.replace(/^'+|'+$/gu, "")).filter(Boolean);
}

let tower = null;
function openTower() {
  if (tower || !data.tower) return;
  tower = {
    position: new Map(data.tower.words.map((word, i) => [word, i])),
    idf: floats(data.tower.idf),
    components: floats(data.tower.components),
    centre: floats(data.tower.centre),
    layers: data.tower.layers.map((layer) => ({ ...layer, kernel: floats(layer.kernel), bias: floats(layer.bias) })),
  };
}

function encode(text) {
  openTower();
  const counts = new Map();
  for (const word of words(text)) {
    const position = tower.position.get(word);
    if (position !== undefined) counts.set(position, (counts.get(position) || 0) + 1);
  }
  if (!counts.size) return null;
  let norm = 0;
  for (const [position, count] of counts) norm += (count * tower.idf[position]) ** 2;
  const width = tower.centre.length;
  let x = Float64Array.from(tower.centre, (value) => -value);
  for (const [position, count] of counts) {
    const weight = count * tower.idf[position] / Math.sqrt(norm);
    for (let j = 0; j < width; j++) x[j] += weight * tower.components[position * width + j];
  }
  tower.layers.forEach((layer, i) => {
    const y = Float64Array.from(layer.bias);
    for (let a = 0; a < x.length; a++) for (let b = 0; b < layer.out; b++) y[b] += x[a] * layer.kernel[a * layer.out + b];
    x = i + 1 < tower.layers.length ? y.map((value) => Math.max(value, 0)) : y;
  });
  return x.slice(0, data.latent);
}

element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("query").value;
  if (!words(text).length) return show([], "Type some words.");
  const query = encode(text);
  if (!query) return show([], `No lyrics here have a word of “${text}”: try other words.`);
  show(cosines(query, audio, (clip) => clip.heard), `Sound nearest to “${text}”`);
});
element("like").addEventListener("click", () => {
  const size = data.latent;
  const query = joint.slice(selected * size, (selected + 1) * size);
  show(cosines(query, joint, (clip, row) => row !== selected), `Nearest to “${data.clips[selected].title}”`);
});
element("clear").addEventListener("click", clear);
element("player").addEventListener("error", () => {
  if (element("player").hasAttribute("src")) {
    element("silence").textContent = "The sound can't be played: was its file moved, or this page away from it?";
  }
});

const MOST_DISTANT_TOUCH = 24; // pixels: a finger is wider than a clip
function nearest(event) {
  const at = circles.map((circle) => circle.getBoundingClientRect());
  let best = -1, least = MOST_DISTANT_TOUCH;
  at.forEach((box, row) => {
    const distance = Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
    if (distance < least) [best, least] = [row, distance];
  });
  return best;
}
element("map").addEventListener("click", (event) => {
  const circle = event.target.closest("circle");
  const row = circle ? Number(circle.dataset.row) : nearest(event);
  if (row >= 0) select(row);
});

// The nearest clip within 45 degrees of a direction.
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function neighbour(row, [dx, dy]) {
  const [x, y] = spot(data.clips[row]);
  let best = row, least = Infinity;
  data.clips.forEach((clip, other) => {
    const [across, down] = [spot(clip)[0] - x, spot(clip)[1] - y];
    const along = across * dx + down * dy;
    const distance = Math.hypot(across, down);
    if (other !== row && along >= Math.SQRT1_2 * distance && (along > 0 || other > row) && distance < least) {
      [best, least] = [other, distance];
    }
  });
  return best;
}
element("map").addEventListener("focusin", (event) => {
  const circle = event.target.closest("circle");
  element("map").querySelector("[tabindex='0']").setAttribute("tabindex", "-1");
  circle.setAttribute("tabindex", "0");
});
element("map").addEventListener("keydown", (event) => {
  const circle = event.target.closest("circle");
  if (!circle) return;
  const row = Number(circle.dataset.row);
  if (event.key === "Enter" || event.key === " ") select(row);
  else if (DIRECTIONS[event.key]) circles[neighbour(row, DIRECTIONS[event.key])].focus();
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
});
for (const name of Object.keys(data.colors)) {
  const option = document.createElement("option");
  option.value = name;
  option.textContent = name;
  element("color").append(option);
}
element("color").addEventListener("change", () => {
  clear();
  paint(element("color").value);
});
paint(Object.keys(data.colors)[0]);
element("name").textContent = `${data.name}: ${data.clips.length} ${data.clips.length === 1 ? "clip" : "clips"}`;
const what = data.clips.some((clip) => clip.sound) ? "hear it" : "read its lyrics: there are no sound files";
element("hint").textContent = `Clips that lie close together are alike; the directions mean nothing. Click one to ${what}.`;
document.title = `Music map: ${data.name}`;
element("search").hidden = Boolean(data.unsearchable);
clear();
