// Colours of the clips, and their legend.
const BASE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c564b", "#5f6b00",
  "#ef5675", "#00876c", "#444e86"];
const GREY = "#9a9a9a";
const MOST_VALUES = 30; // the most frequent have looks of their own, the rest is one entry of the legend
const RAMP = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"]; // viridis
const STEPS = 32;
const BINS = 5;
const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
function mixed(colour, other, share) {
  const [a, b] = [channels(colour), channels(other)];
  return `#${a.map((value, i) => Math.round(value + (b[i] - value) * share).toString(16).padStart(2, "0")).join("")}`;
}
// The colours are chosen for a white page.
const shown = (colour) => (darkScheme.matches ? mixed(colour, "#ffffff", 0.25) : colour);
function ramp(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const left = Math.min(Math.floor(at), RAMP.length - 2);
  return mixed(RAMP[left], RAMP[left + 1], at - left);
}
// A dozen colours as discs, darker as squares, lighter as triangles.
function lookOf(i) {
  const colour = BASE[i % BASE.length];
  if (i < BASE.length) return { colour, shape: "disc" };
  if (i < 2 * BASE.length) return { colour: mixed(colour, "#000000", 0.3), shape: "square" };
  return { colour: mixed(colour, "#ffffff", 0.3), shape: "triangle" };
}
const OTHERS = { colour: GREY, shape: "disc" };
const UNKNOWN = { colour: GREY, shape: "ring" };

let looks = [OTHERS];
const lookOfRow = new Uint8Array(total);
let column = null;

function paint(name) {
  column = data.columns.find((candidate) => candidate.name === name);
  element("color").value = name;
  const entries = column.numbers.length ? paintNumbers() : paintValues();
  element("ramp").hidden = !column.numbers.length;
  element("legend").replaceChildren(...entries.map(legendEntry));
  repaint();
}

function paintValues() {
  const { values, codes } = column;
  const own = values.slice(0, MOST_VALUES);
  looks = [...own.map((_, i) => lookOf(i)), OTHERS, UNKNOWN];
  codes.forEach((code, row) => {
    lookOfRow[row] = code < 0 ? own.length + 1 : Math.min(code, own.length);
  });
  const entries = own.map((label, i) => ({ label, look: i, belongs: (row) => codes[row] === i }));
  const rest = values.length - own.length;
  if (rest) {
    entries.push({ label: counted(rest, "other"), look: own.length, belongs: (row) => codes[row] >= own.length });
  }
  if (codes.some((code) => code < 0)) {
    entries.push({ label: "unknown", look: own.length + 1, belongs: (row) => codes[row] < 0 });
  }
  return entries;
}

// Fifths of equal size; the ramp's ends are the 2nd and 98th percentile, so that one wrong year takes no colours.
function paintNumbers() {
  const { numbers } = column;
  const sorted = numbers.filter((value) => value !== null).sort((a, b) => a - b);
  const quantile = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [quantile(0.02), quantile(0.98)];
  const share = (value) => (high > low ? (value - low) / (high - low) : 0.5);
  looks = [...Array.from({ length: STEPS }, (_, i) => ({ colour: ramp(i / (STEPS - 1)), shape: "disc" })), UNKNOWN];
  const step = (value) => Math.round(Math.min(Math.max(share(value), 0), 1) * (STEPS - 1));
  numbers.forEach((value, row) => { lookOfRow[row] = value === null ? STEPS : step(value); });
  const written = (value) => String(Math.round(value * 100) / 100);
  element("low").textContent = `${sorted[0] < low ? "≤ " : ""}${written(low)}`;
  element("high").textContent = `${sorted[sorted.length - 1] > high ? "≥ " : ""}${written(high)}`;
  element("scale").style.background = `linear-gradient(to right, ${RAMP.map(shown).join(", ")})`;
  const edges = [...new Set(Array.from({ length: BINS + 1 }, (_, i) => quantile(i / BINS)))];
  const entries = edges.slice(1).map((top, i) => {
    const bottom = edges[i];
    const belongs = (row) => numbers[row] !== null && numbers[row] <= top && (i ? numbers[row] > bottom : true);
    return { label: `${i ? "over " : ""}${written(bottom)} to ${written(top)}`, look: step((bottom + top) / 2), belongs };
  });
  if (numbers.includes(null)) entries.push({ label: "unknown", look: STEPS, belongs: (row) => numbers[row] === null });
  return entries;
}

function legendEntry({ label, look, belongs }) {
  const rows = every.filter(belongs);
  const dot = document.createElement("span");
  const { colour, shape } = looks[look];
  dot.className = shape;
  dot.style.setProperty("--dot", shown(colour));
  const button = made("button", "");
  button.append(dot, made("bdi", label), ` (${rows.length})`);
  pressed(button, false);
  button.addEventListener("click", () => {
    const isPressed = button.getAttribute("aria-pressed") === "true";
    clear();
    if (isPressed) return;
    show([{ heading: "", rows, first: 20 }], `${column.name}: ${label}`);
    pressed(button, true);
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}
darkScheme.addEventListener("change", () => paint(column.name));
