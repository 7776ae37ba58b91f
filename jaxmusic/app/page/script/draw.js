// The map: points, marks, names.
const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
const [FADED, PLAIN, FOUND] = [0, 1, 2];
const layers = new Uint8Array(total).fill(PLAIN);
const stacks = [[], every, []]; // rows by layer, drawn in this order: what is found lies on top
const MOST_TITLES = 40;
let [selected, hovered, waiting] = [-1, -1, 0];
let lasso = null; // corners in pixels while one is drawn
// Colours of the style sheet.
const inkOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
let inks = null;

// Which clips are shown in full: those of a search, of a value in the legend, or all.
function emphasize(rows) {
  const found = rows && new Set(rows);
  for (const row of every) layers[row] = !found ? PLAIN : found.has(row) ? FOUND : FADED;
  restack();
}
// In each layer what has a colour lies on what has none.
function restack() {
  const isGrey = looks.map(({ colour }) => colour === GREY);
  const [greys, others] = [every.filter((row) => isGrey[lookOfRow[row]]), every.filter((row) => !isGrey[lookOfRow[row]])];
  for (const stack of [0, 1, 2]) stacks[stack] = [];
  for (const row of [...greys, ...others]) stacks[layers[row]].push(row);
  requestDraw();
}
function requestDraw() {
  if (!waiting) waiting = requestAnimationFrame(draw);
}
function repaint() {
  inks = Object.fromEntries(["page", "text", "mark"].map((name) => [name, inkOf(name)]));
  pictures = null;
  restack();
}

function radius() {
  const wide = Math.min(Math.max(0.32 * Math.sqrt((box.width * box.height) / total), 2.5), 6.5);
  return Math.min(wide * Math.max(view.scale / fitted(core).scale, 1) ** 0.35, 9);
}
function draw() {
  waiting = 0;
  const r = radius();
  drawPoints(r);
  context.setTransform(box.ratio, 0, 0, box.ratio, 0, 0);
  if (way.length) drawLine(way.map((row) => [screenX(row), screenY(row)]), []);
  if (selected >= 0) mark(selected, r + 4, 2.5);
  if (hovered >= 0) mark(hovered, r + 2, 1.5);
  write(r);
  if (lasso) drawLine(lasso, [5, 4]);
  placeFocus();
}

function mark(row, r, width) {
  context.beginPath();
  context.arc(screenX(row), screenY(row), r, 0, 2 * Math.PI);
  context.strokeStyle = inks.mark;
  context.lineWidth = width;
  context.stroke();
}
function drawLine(points, dashes) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.setLineDash(dashes);
  context.strokeStyle = inks.mark;
  context.lineWidth = 1.5;
  context.stroke();
  context.setLineDash([]);
}

// The middle of each cluster: the median, which outlying clips don't move.
const clusterPlaces = data.clusterNames.map((name, cluster) => {
  const rows = every.filter((row) => data.clusters[row] === cluster);
  const median = (axis) => {
    const sorted = rows.map((row) => places[2 * row + axis]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  };
  return { name, x: median(0), y: median(1) };
});

// Names of clusters, and of clips where few are seen; none over another.
function write(r) {
  const taken = [[box.width - 52, 0, box.width, 130]]; // where the buttons of the zoom are
  // In the middle of x, or beside it by a gap: to the right, or to the left where there is no room.
  const put = (text, x, y, font, gap) => {
    context.font = font;
    const most = Math.min(44, Math.floor(box.width / 13));
    const short = text.length > most ? `${text.slice(0, most - 1)}…` : text;
    const width = context.measureText(short).width;
    const last = box.width - width - 4;
    const wanted = !gap ? x - width / 2 : x + gap <= last ? x + gap : x - gap - width;
    const left = Math.max(Math.min(wanted, last), 4);
    const area = [left - 3, y - 10, left + width + 3, y + 10];
    if (taken.some(([a, b, c, d]) => area[0] < c && area[2] > a && area[1] < d && area[3] > b)) return;
    taken.push(area);
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = inks.page;
    context.strokeText(short, left, y);
    context.fillStyle = inks.text;
    context.fillText(short, left, y);
  };
  for (const row of new Set([hovered, selected])) {
    if (row >= 0) put(nameOf(row), screenX(row), screenY(row), "600 13px system-ui, sans-serif", r + 6);
  }
  if (element("names").checked) {
    for (const { name, x, y } of clusterPlaces) {
      const [across, down] = [(x - view.x) * view.scale + box.width / 2, box.height / 2 - (y - view.y) * view.scale];
      if (across > 0 && down > 0 && across < box.width && down < box.height) {
        put(name, across, down, "600 14px system-ui, sans-serif", 0);
      }
    }
  }
  if (view.scale < 1.5 * fitted(core).scale) return;
  const near = seen().filter((row) => layers[row] !== FADED);
  if (near.length > MOST_TITLES) return;
  for (const row of near) put(data.titles[row], screenX(row), screenY(row), "12px system-ui, sans-serif", r + 5);
}
