// A way from one clip to another. Of all ways the one whose largest jump, in the angle of two clips that follow one
// another, is the smallest there is (Prim's tree holds it); of these the one whose jumps sum up to the least (Dijkstra).
let [way, wayFrom] = [[], -1]; // rows of the way that is drawn; where the next one starts
const PATIENCE = 30; // ms between two breaths of the page

function angles(from) {
  const { width, values } = space;
  const own = vectorOf(from);
  const norm = Math.hypot(...own);
  return (row) => {
    let [dot, other] = [0, 0];
    for (let j = 0; j < width; j++) {
      const x = values[row * width + j];
      dot += x * own[j];
      other += x * x;
    }
    return Math.acos(Math.min(Math.max(dot / (norm * Math.sqrt(other)), -1), 1));
  };
}

// Visits rows in the order of their cost until the goal is there; `join` makes the cost of a step longer.
async function visit(start, goal, rows, join, most) {
  const cost = new Float64Array(total).fill(Infinity);
  const before = new Int32Array(total).fill(-1);
  const left = new Set(rows);
  let [row, largest, breath] = [start, 0, performance.now()];
  cost[start] = 0;
  while (row !== goal) {
    left.delete(row);
    const angle = angles(row);
    let [best, least] = [-1, Infinity];
    for (const other of left) {
      const step = angle(other);
      const through = step <= most ? join(cost[row], step) : Infinity;
      if (through < cost[other]) [cost[other], before[other]] = [through, row];
      if (cost[other] < least) [best, least] = [other, cost[other]];
    }
    if (best < 0) return null;
    row = best;
    largest = Math.max(largest, least);
    if (performance.now() - breath > PATIENCE) {
      await new Promise((resolve) => setTimeout(resolve));
      breath = performance.now();
    }
  }
  return { largest, before };
}
async function wayBetween(start, goal) {
  const rows = every.filter((row) => !copyOf.has(row) && hasPlace(row));
  const tree = await visit(start, goal, rows, (_, step) => step, Infinity);
  // The same number may come out differently in the other order of its factors.
  const found = await visit(start, goal, rows, (sum, step) => sum + step, tree.largest + 1e-9);
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
  const cosine = new Map(rows.map((step, i) => [step, i ? Math.cos(angles(rows[i - 1])(step)) : 1]));
  const heading = `From “${data.titles[start]}” to “${data.titles[goal]}”`;
  show([{ heading: "", rows, first: rows.length, note: (step) => `(${cosine.get(step).toFixed(3)})` }], heading);
  way = rows;
  return requestDraw();
}
