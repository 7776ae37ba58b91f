// A way from one clip to another. Of all ways the one whose largest jump, in the angle of two clips that follow one
// another, is the smallest there is (Prim's tree holds it); of these the one whose jumps sum up to the least (Dijkstra).
let [way, wayFrom] = [[], -1]; // rows of the way that is drawn; where the next one starts
const PATIENCE = 30; // ms between two breaths of the page

// Every clip's direction, of length 1; made at the first way.
let units = null;
function openUnits() {
  const { width, values } = space;
  if (units) return units;
  units = Float32Array.from(values);
  for (let at = 0; at < units.length; at += width) {
    const own = units.subarray(at, at + width);
    const norm = Math.hypot(...own) || 1;
    own.forEach((x, j) => { own[j] = x / norm; });
  }
  return units;
}
function cosineTo(row, other) {
  const width = space.width;
  let [dot, a, b] = [0, row * width, other * width];
  for (const end = a + width; a < end; a++, b++) dot += units[a] * units[b];
  return Math.min(Math.max(dot, -1), 1);
}

// Visits rows in the order of their cost until the goal is there; `join` makes the cost of a further step. A step whose
// cosine is below `least` is none.
async function visit(start, goal, rows, join, least) {
  const cost = new Float64Array(total).fill(Infinity);
  const before = new Int32Array(total).fill(-1);
  const left = Int32Array.from(rows);
  let [count, row, largest, breath] = [left.length, start, 0, performance.now()];
  cost[start] = 0;
  while (row !== goal) {
    let [best, kept] = [-1, 0];
    for (let i = 0; i < count; i++) {
      const other = left[i];
      if (other === row) continue;
      left[kept++] = other;
      const cosine = cosineTo(row, other);
      if (cosine >= least) {
        const through = join(cost[row], cosine);
        if (through < cost[other]) [cost[other], before[other]] = [through, row];
      }
      if (best < 0 || cost[other] < cost[best]) best = other;
    }
    count = kept;
    row = best;
    largest = Math.max(largest, cost[row]);
    if (performance.now() - breath > PATIENCE) {
      await new Promise((resolve) => setTimeout(resolve));
      breath = performance.now();
    }
  }
  return { largest, before };
}
async function wayBetween(start, goal) {
  const rows = every.filter((row) => !copyOf.has(row) && hasPlace(row));
  openUnits();
  const tree = await visit(start, goal, rows, (_, cosine) => 1 - cosine, -1);
  // The largest jump itself is allowed, whatever its last digit.
  const allowed = 1 - tree.largest - 1e-9;
  const found = await visit(start, goal, rows, (sum, cosine) => sum + Math.acos(cosine), allowed);
  const steps = [goal];
  while (steps[0] !== start) steps.unshift(found.before[steps[0]]);
  return steps;
}

function startWay() {
  const isOn = wayFrom >= 0;
  wayFrom = isOn ? -1 : firstOf(selected);
  pressed(element("way"), !isOn);
  element("status").textContent = isOn ? "" : `Choose where the way from “${data.titles[wayFrom]}” leads.`;
}
async function endWay(row) {
  const [start, goal] = [wayFrom, firstOf(row)];
  wayFrom = -1;
  pressed(element("way"), false);
  if (![start, goal].every(hasPlace)) return show([], "There is no way to a clip without sound.");
  element("status").textContent = "Seeking a way …";
  const rows = await wayBetween(start, goal);
  const cosine = new Map(rows.map((step, i) => [step, i ? cosineTo(rows[i - 1], step) : 1]));
  const heading = `From “${data.titles[start]}” to “${data.titles[goal]}”`;
  show([{ heading: "", rows, first: rows.length, note: (step) => `(${cosine.get(step).toFixed(3)})` }], heading);
  way = rows;
  return requestDraw();
}
