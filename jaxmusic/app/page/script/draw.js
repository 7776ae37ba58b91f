// The map: every clip is a copy of one of a few small pictures, which ten thousand of them take no GPU for.
const context = canvas.getContext("2d");
const [FADED, PLAIN, FOUND] = [0, 1, 2];
const layers = new Uint8Array(total).fill(PLAIN);
const stacks = [[], every, []]; // rows by layer, drawn in this order: what is found lies on top
const OPACITY = [0.16, 0.9, 1];
const MOST_TITLES = 40;
let [selected, hovered, waiting] = [-1, -1, 0];
let lasso = null; // corners in pixels while one is drawn
let sprites = null;

// Which clips are shown in full: those of a search, of a value in the legend, or all.
function emphasize(rows) {
  const found = rows && new Set(rows);
  for (const stack of [0, 1, 2]) stacks[stack] = [];
  for (const row of every) {
    layers[row] = !found ? PLAIN : found.has(row) ? FOUND : FADED;
    stacks[layers[row]].push(row);
  }
  requestDraw();
}
function requestDraw() {
  if (!waiting) waiting = requestAnimationFrame(draw);
}
function repaint() {
  sprites = null;
  requestDraw();
}

function radius() {
  const wide = Math.min(Math.max(0.32 * Math.sqrt((box.width * box.height) / total), 2.5), 8);
  return Math.min(wide * Math.max(view.scale / fitted(core).scale, 1) ** 0.35, 10);
}
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function outline(target, shape, x, y, r) {
  target.beginPath();
  if (shape === "square") target.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
  else if (shape === "triangle") {
    target.moveTo(x, y - 1.2 * r);
    target.lineTo(x + 1.1 * r, y + 0.8 * r);
    target.lineTo(x - 1.1 * r, y + 0.8 * r);
    target.closePath();
  } else target.arc(x, y, r, 0, 2 * Math.PI);
}

// One picture of each look, beside each other; made anew for another size or colour only.
function spritesOf(r) {
  const wide = Math.round(r * 4) / 4;
  if (sprites?.r === wide && sprites.ratio === box.ratio) return sprites;
  const side = Math.ceil((2.6 * wide + 2) * box.ratio);
  const sheet = Object.assign(document.createElement("canvas"), { width: side * looks.length, height: side });
  const target = sheet.getContext("2d");
  looks.forEach(({ colour, shape }, i) => {
    target.setTransform(box.ratio, 0, 0, box.ratio, (i + 0.5) * side, side / 2);
    outline(target, shape, 0, 0, wide);
    target.strokeStyle = shape === "ring" ? shown(colour) : css("--page");
    target.lineWidth = shape === "ring" ? 1.5 : 0.8;
    target.fillStyle = shown(colour);
    if (shape !== "ring") target.fill();
    target.stroke();
  });
  sprites = { r: wide, ratio: box.ratio, side, sheet };
  return sprites;
}

function draw() {
  waiting = 0;
  const { r, ratio, side, sheet } = spritesOf(radius());
  // In device pixels: a picture at whole positions is copied, not resampled.
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const [x0, y0] = [(box.width / 2 - view.x * view.scale) * ratio - side / 2, (box.height / 2 + view.y * view.scale) * ratio - side / 2];
  const scale = view.scale * ratio;
  stacks.forEach((rows, layer) => {
    context.globalAlpha = OPACITY[layer];
    for (const row of rows) {
      const x = Math.round(x0 + places[2 * row] * scale);
      const y = Math.round(y0 - places[2 * row + 1] * scale);
      if (x > -side && y > -side && x < canvas.width && y < canvas.height) {
        context.drawImage(sheet, lookOfRow[row] * side, 0, side, side, x, y, side, side);
      }
    }
  });
  context.globalAlpha = 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (selected >= 0) mark(selected, r + 4, 2.5);
  if (hovered >= 0) mark(hovered, r + 2, 1.5);
  write(r);
  if (lasso) drawLasso();
  placeFocus();
}

function mark(row, r, width) {
  context.beginPath();
  context.arc(screenX(row), screenY(row), r, 0, 2 * Math.PI);
  context.strokeStyle = css("--mark");
  context.lineWidth = width;
  context.stroke();
}
function drawLasso() {
  context.beginPath();
  for (const [x, y] of lasso) context.lineTo(x, y);
  context.setLineDash([5, 4]);
  context.strokeStyle = css("--mark");
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
  const taken = [];
  const [halo, ink] = [css("--page"), css("--text")];
  const put = (text, x, y, font, centred) => {
    context.font = font;
    const short = text.length > 44 ? `${text.slice(0, 43)}…` : text;
    const width = context.measureText(short).width;
    const left = Math.min(Math.max(centred ? x - width / 2 : x, 4), Math.max(box.width - width - 4, 4));
    const area = [left - 3, y - 10, left + width + 3, y + 10];
    if (taken.some(([a, b, c, d]) => area[0] < c && area[2] > a && area[1] < d && area[3] > b)) return;
    taken.push(area);
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = halo;
    context.strokeText(short, left, y);
    context.fillStyle = ink;
    context.fillText(short, left, y);
  };
  for (const row of new Set([hovered, selected])) {
    if (row >= 0) put(nameOf(row), screenX(row) + r + 6, screenY(row), "600 13px system-ui, sans-serif", false);
  }
  if (element("names").checked) {
    for (const { name, x, y } of clusterPlaces) {
      const [across, down] = [(x - view.x) * view.scale + box.width / 2, box.height / 2 - (y - view.y) * view.scale];
      if (across > 0 && down > 0 && across < box.width && down < box.height) {
        put(name, across, down, "600 14px system-ui, sans-serif", true);
      }
    }
  }
  if (view.scale < 1.5 * fitted(core).scale) return;
  const near = seen().filter((row) => layers[row] !== FADED);
  if (near.length > MOST_TITLES) return;
  for (const row of near) put(data.titles[row], screenX(row) + r + 5, screenY(row), "12px system-ui, sans-serif", false);
}
