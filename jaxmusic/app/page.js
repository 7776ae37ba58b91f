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

const circles = data.clips.map((clip, row) => {
  const circle = document.createElementNS(SVG, "circle");
  circle.setAttribute("cx", 20 + 960 * clip.place[0]);
  circle.setAttribute("cy", 780 - 760 * clip.place[1]);
  circle.setAttribute("r", data.clips.length > 300 ? 6 : 9);
  circle.setAttribute("tabindex", "0");
  circle.setAttribute("role", "button");
  circle.setAttribute("aria-label", clip.title);
  circle.dataset.row = row;
  const title = document.createElementNS(SVG, "title");
  title.textContent = clip.artist ? `${clip.title} – ${clip.artist}` : clip.title;
  circle.append(title);
  element("map").append(circle);
  return circle;
});

function paint(name) {
  const values = data.colors[name];
  const counts = new Map();
  for (const value of values) if (value) counts.set(value, (counts.get(value) || 0) + 1);
  const order = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const colors = new Map(order.map((value, i) => [value, i < PALETTE.length ? PALETTE[i] : GREY]));
  circles.forEach((circle, row) => circle.setAttribute("fill", colors.get(values[row]) || GREY));
  const entries = order.slice(0, PALETTE.length).map((value) => [value, colors.get(value)]);
  if (order.length > PALETTE.length) entries.push([`${order.length - PALETTE.length} others`, GREY]);
  if (values.some((value) => !value)) entries.push(["unknown", GREY]);
  element("legend").replaceChildren(...entries.map(([value, color]) => {
    const item = document.createElement("li");
    const spot = document.createElement("span");
    spot.style.background = color;
    item.append(spot, value);
    return item;
  }));
}

let selected = -1;
function select(row) {
  if (selected >= 0) circles[selected].classList.remove("selected");
  selected = row;
  const clip = data.clips[row];
  circles[row].classList.add("selected");
  element("title").textContent = clip.title;
  element("artist").textContent = clip.artist;
  element("lyrics").textContent = clip.lyrics || "(no lyrics)";
  element("player").pause();
  element("player").hidden = !clip.sound;
  if (clip.sound) element("player").src = clip.sound;
  else element("player").removeAttribute("src");
  element("silence").textContent = clip.sound ? "" : "There is no sound file of this clip.";
  element("detail").hidden = false;
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
  const best = found.slice(0, MOST_RESULTS);
  const rows = new Set(best.map(([row]) => row));
  circles.forEach((circle, row) => circle.classList.toggle("faded", best.length > 0 && !rows.has(row)));
  element("status").textContent = said;
  element("results").replaceChildren(...best.map(([row, cosine]) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.row = row;
    button.textContent = `${data.clips[row].title} (${cosine.toFixed(3)})`;
    button.addEventListener("click", () => select(row));
    item.append(button);
    return item;
  }));
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
element("map").addEventListener("click", (event) => {
  const circle = event.target.closest("circle");
  if (circle) select(Number(circle.dataset.row));
});
element("map").addEventListener("keydown", (event) => {
  const circle = event.target.closest("circle");
  if (circle && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    select(Number(circle.dataset.row));
  }
});
for (const name of Object.keys(data.colors)) {
  const option = document.createElement("option");
  option.value = name;
  option.textContent = name;
  element("color").append(option);
}
element("color").addEventListener("change", () => paint(element("color").value));
paint(Object.keys(data.colors)[0]);
document.title = `Music map: ${data.name}`;
if (!data.tower) {
  element("search").hidden = true;
  element("status").textContent = "The model was fitted without lyrics: there is no search by words.";
}
