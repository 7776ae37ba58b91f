// The state of the page in its address, so that it can be kept and shared: clip, query, colouring, view.
const LONGEST_QUERY = 300;
let [query, addressTimer, isReady] = ["", 0, false];

// Browsers refuse more than a hundred changes in some seconds.
function noteAddress() {
  if (!isReady) return;
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const state = new URLSearchParams();
    if (selected >= 0) state.set("clip", data.ids[selected]);
    if (query) state.set("q", query);
    if (column !== firstColumn()) state.set("color", column.name);
    if (!isFitted()) state.set("view", [view.x.toFixed(4), view.y.toFixed(4), (view.scale / fitted(core).scale).toFixed(3)].join(","));
    history.replaceState(null, "", `#${state}`);
  }, 300);
}
const colourings = () => data.columns.filter(({ colours }) => colours);
const firstColumn = () => colourings()[0] || data.columns[0];

// An address is anyone's text: what names nothing here is passed over.
async function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  const named = colourings().find(({ name }) => name === state.get("color"));
  paint((named || firstColumn()).name);
  const numbers = (state.get("view") || "").split(",").map(Number);
  const isView = numbers.length === 3 && numbers.every(Number.isFinite) && numbers[2] > 0;
  look(isView ? { x: numbers[0], y: numbers[1], scale: numbers[2] * fitted(core).scale } : fitted(core));
  query = (state.get("q") || "").slice(0, LONGEST_QUERY);
  element("query").value = query;
  if (query) await search(query);
  else clear();
  const row = rowOf.get(state.get("clip"));
  // Nobody asked for its sound yet.
  if (row !== undefined && row !== selected) select(row, { isPlayed: false });
}
