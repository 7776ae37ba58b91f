// Which part of the map is seen: its middle in the map's units, and pixels per unit.
const canvas = element("map");
const view = { x: 0.5, y: 0.5, scale: 600 };
const box = { width: 600, height: 400, ratio: 1 };
const MARGIN = 34; // pixels around the clips: room for the names of clusters at the border
const MOST_ZOOM = 400;

const screenX = (row) => (places[2 * row] - view.x) * view.scale + box.width / 2;
const screenY = (row) => box.height / 2 - (places[2 * row + 1] - view.y) * view.scale;

function extent(rows) {
  const found = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
  for (const row of rows) {
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    found.left = Math.min(found.left, x);
    found.right = Math.max(found.right, x);
    found.low = Math.min(found.low, y);
    found.high = Math.max(found.high, y);
  }
  return found;
}

// Clips far from all others don't squeeze the rest: those beyond the middle 98 % by a quarter of its width.
const every = [...data.ids.keys()];
const outlying = (() => {
  if (total < 50) return [];
  const bounds = [0, 1].map((axis) => {
    const sorted = Float32Array.from(every, (row) => places[2 * row + axis]).sort();
    const [low, high] = [0.01, 0.99].map((share) => sorted[Math.round(share * (total - 1))]);
    return [low - 0.25 * (high - low), high + 0.25 * (high - low)];
  });
  return every.filter((row) => bounds.some(([low, high], axis) => {
    const value = places[2 * row + axis];
    return value < low || value > high;
  }));
})();
const outside = new Set(outlying);
const whole = extent(every);
const core = extent(every.filter((row) => !outside.has(row)));

function fitted({ left, right, low, high }) {
  const [width, height] = [Math.max(right - left, 1e-3), Math.max(high - low, 1e-3)];
  const room = (pixels) => Math.max(pixels - 2 * MARGIN, 40);
  const scale = Math.min(room(box.width) / width, room(box.height) / height);
  return { x: (left + right) / 2, y: (low + high) / 2, scale };
}

function look(next) {
  const least = fitted(whole).scale * 0.7;
  view.scale = Math.min(Math.max(next.scale, least), fitted(core).scale * MOST_ZOOM);
  view.x = Math.min(Math.max(next.x, whole.left), whole.right);
  view.y = Math.min(Math.max(next.y, whole.low), whole.high);
  requestDraw();
  noteAddress();
}

// The point of the map below (x, y) stays there.
function zoomAt(x, y, factor) {
  const before = view.scale;
  const [across, up] = [x - box.width / 2, box.height / 2 - y];
  look({ ...view, scale: before * factor });
  const change = 1 / before - 1 / view.scale;
  look({ ...view, x: view.x + across * change, y: view.y + up * change });
}
function panBy(dx, dy) {
  look({ scale: view.scale, x: view.x - dx / view.scale, y: view.y + dy / view.scale });
}
function intoView(row) {
  const [x, y] = [screenX(row), screenY(row)];
  const isSeen = x > 12 && y > 12 && x < box.width - 12 && y < box.height - 12;
  if (!isSeen) look({ scale: view.scale, x: places[2 * row], y: places[2 * row + 1] });
}
const seen = () => every.filter((row) => {
  const [x, y] = [screenX(row), screenY(row)];
  return x >= 0 && y >= 0 && x <= box.width && y <= box.height;
});
const isFitted = () => Object.entries(fitted(core)).every(([key, value]) => Math.abs(view[key] - value) < 1e-6 * value);

function measure() {
  const wasFitted = isFitted();
  const { width, height } = element("frame").getBoundingClientRect();
  Object.assign(box, { width, height, ratio: window.devicePixelRatio || 1 });
  canvas.width = Math.round(width * box.ratio);
  canvas.height = Math.round(height * box.ratio);
  if (wasFitted) look(fitted(core));
  draw(); // at once: a canvas of a new size is empty
}

// Clips by cells of the map, so that a touch looks at few of them.
const grid = (() => {
  const side = Math.max(1, Math.ceil(Math.sqrt(total / 3)));
  const width = Math.max(whole.right - whole.left, whole.high - whole.low, 1e-6);
  const cell = (value, start) => Math.min(side - 1, Math.max(0, Math.floor(((value - start) / width) * side)));
  const cells = Array.from({ length: side * side }, () => []);
  for (const row of every) {
    cells[cell(places[2 * row + 1], whole.low) * side + cell(places[2 * row], whole.left)].push(row);
  }
  return { side, cells, column: (x) => cell(x, whole.left), line: (y) => cell(y, whole.low) };
})();

// The clip that a touch at (x, y) means: the nearest within reach; what is found before what is faded.
function clipAt(x, y, reach) {
  const middle = { x: view.x + (x - box.width / 2) / view.scale, y: view.y + (box.height / 2 - y) / view.scale };
  const far = reach / view.scale;
  let [best, least] = [-1, Infinity];
  for (let line = grid.line(middle.y - far); line <= grid.line(middle.y + far); line++) {
    for (let column = grid.column(middle.x - far); column <= grid.column(middle.x + far); column++) {
      for (const row of grid.cells[line * grid.side + column]) {
        const distance = Math.hypot(screenX(row) - x, screenY(row) - y);
        const cost = distance + (layers[row] === FADED ? 12 : layers[row] === FOUND ? -6 : 0);
        if (distance <= reach && cost < least) [best, least] = [row, cost];
      }
    }
  }
  return best;
}
