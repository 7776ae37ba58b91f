// The map without a mouse: a button lies on the clip that has the focus, arrow keys move it.
// There are two of them that take turns, so that a screen reader says the name of each clip it comes to.
const focusMarks = [element("here-0"), element("here-1")];
let [here, turn] = [-1, 0];

function place(button, row) {
  button.style.left = `${screenX(row)}px`;
  button.style.top = `${screenY(row)}px`;
}
function placeFocus() {
  if (here < 0) return;
  const [x, y] = [screenX(here), screenY(here)];
  place(focusMarks[turn], here);
  const isSeen = x > -20 && y > -20 && x < box.width + 20 && y < box.height + 20;
  if (!isSeen && document.activeElement !== focusMarks[turn]) stopAt(nearestTo(box.width / 2, box.height / 2));
}
const nearestTo = (x, y) => every.reduce((best, row) => {
  const distance = Math.hypot(screenX(row) - x, screenY(row) - y);
  return distance < best[1] ? [row, distance] : best;
}, [0, Infinity])[0];

// The map's one stop of the Tab key.
function stopAt(row) {
  here = row;
  const button = focusMarks[turn];
  button.dataset.row = row;
  button.setAttribute("aria-label", nameOf(row));
  place(button, row);
}
function step(row) {
  const last = focusMarks[turn];
  turn = 1 - turn;
  stopAt(row);
  focusMarks[turn].hidden = false;
  intoView(row);
  place(focusMarks[turn], row);
  focusMarks[turn].focus({ preventScroll: true });
  last.hidden = true;
}

// The nearest clip within 45 degrees of a direction; among those found, where some are.
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function neighbour(row, [dx, dy]) {
  const [x, y] = [screenX(row), screenY(row)];
  let [best, least] = [row, Infinity];
  for (const other of every) {
    if (other === row || layers[other] === FADED) continue;
    const [across, down] = [screenX(other) - x, screenY(other) - y];
    const along = across * dx + down * dy;
    const distance = Math.hypot(across, down);
    if (along >= Math.SQRT1_2 * distance && (along > 0 || other > row) && distance < least) [best, least] = [other, distance];
  }
  return best;
}

const ZOOMS = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 };
const PAN = 60;
for (const button of focusMarks) {
  button.addEventListener("click", () => select(here));
  button.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (direction && event.shiftKey) panBy(-direction[0] * PAN, -direction[1] * PAN);
    else if (direction) step(neighbour(here, direction));
    else if (ZOOMS[event.key]) zoomAt(screenX(here), screenY(here), ZOOMS[event.key]);
    else if (event.key === "0") look(fitted(core));
    else return;
    event.preventDefault();
  });
}
