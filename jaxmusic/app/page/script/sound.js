// What sounds alike, and which sounds words mean: cosines of 16-bit directions.
const directions = ({ width, values }) => ({ width, values: new Int16Array(bytes(values).buffer) });
const space = directions(data.space);
const audio = directions(data.audio);

function cosines(query, { width, values }, allowed) {
  const norm = Math.hypot(...query);
  const found = [];
  for (const row of every) {
    if (copyOf.has(row) || !allowed(row)) continue;
    let [dot, own] = [0, 0];
    for (let j = 0; j < width; j++) {
      const x = values[row * width + j];
      dot += x * query[j];
      own += x * x;
    }
    found.push([row, dot / Math.max(Math.sqrt(own) * norm, 1e-12)]);
  }
  return found.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}
const vectorOf = (row) => Float64Array.from(space.values.subarray(row * space.width, (row + 1) * space.width));
const hasPlace = (row) => vectorOf(row).some((x) => x !== 0);

// Clips nearest to the middle of some.
function alike(rows) {
  const middle = new Float64Array(space.width);
  for (const row of rows) vectorOf(row).forEach((x, j) => { middle[j] += x; });
  const own = new Set(rows.map(firstOf));
  return cosines(middle, space, (row) => !own.has(row) && hasPlace(row));
}

let tower = null;
function openTower() {
  tower ??= {
    position: new Map(data.tower.words.map((word, i) => [word, i])),
    idf: floats(data.tower.idf),
    components: floats(data.tower.components),
    centre: floats(data.tower.centre),
    layers: data.tower.layers.map((layer) => ({ ...layer, kernel: floats(layer.kernel), bias: floats(layer.bias) })),
  };
  return tower;
}

// Words → their place among the sounds; null where the model knows none of them.
function encode(text) {
  const { position, idf, components, centre, layers: steps } = openTower();
  const counts = new Map();
  for (const word of words(text)) {
    const place = position.get(word);
    if (place !== undefined) counts.set(place, (counts.get(place) || 0) + 1);
  }
  if (!counts.size) return null;
  let norm = 0;
  for (const [place, count] of counts) norm += (count * idf[place]) ** 2;
  const width = centre.length;
  let x = Float64Array.from(centre, (value) => -value);
  for (const [place, count] of counts) {
    const weight = count * idf[place] / Math.sqrt(norm);
    for (let j = 0; j < width; j++) x[j] += weight * components[place * width + j];
  }
  steps.forEach((layer, i) => {
    const y = Float64Array.from(layer.bias);
    for (let a = 0; a < x.length; a++) for (let b = 0; b < layer.out; b++) y[b] += x[a] * layer.kernel[a * layer.out + b];
    x = i + 1 < steps.length ? y.map((value) => Math.max(value, 0)) : y;
  });
  return x.slice(0, audio.width);
}
function bySound(text) {
  const query = data.tower && encode(text);
  return query ? cosines(query, audio, (row) => heard.has(row)) : [];
}
function cosineOf(found) {
  const values = new Map(found);
  return (row) => `(${values.get(row).toFixed(3)})`;
}
