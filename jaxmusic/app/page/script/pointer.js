// Mouse, pen and fingers on the map: pan, zoom, select, lasso.
const STILL = 5; // pixels: what moves less is a touch, not a pan
const REACH = { mouse: 12, other: 24 }; // a finger is wider than a clip
const fingers = new Map();
let [travelled, isLasso, pinch] = [0, false, null];

function at(event) {
  const { left, top } = canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}
const reachOf = (event) => (event.pointerType === "mouse" ? REACH.mouse : REACH.other);

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  // A pointer made by a program can't be captured.
  if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at(event));
  if (fingers.size === 1) {
    travelled = 0;
    isLasso = event.shiftKey || element("lasso").getAttribute("aria-pressed") === "true";
    lasso = isLasso ? [at(event)] : null;
  } else if (fingers.size === 2) {
    lasso = null;
    pinch = spread();
  }
});
function spread() {
  const [[ax, ay], [bx, by]] = [...fingers.values()];
  return { x: (ax + bx) / 2, y: (ay + by) / 2, width: Math.max(Math.hypot(ax - bx, ay - by), 1) };
}
canvas.addEventListener("pointermove", (event) => {
  const [x, y] = at(event);
  const before = fingers.get(event.pointerId);
  if (!before) {
    hover(clipAt(x, y, reachOf(event)));
    return;
  }
  fingers.set(event.pointerId, [x, y]);
  travelled += Math.hypot(x - before[0], y - before[1]);
  if (fingers.size === 2) {
    const now = spread();
    panBy(now.x - pinch.x, now.y - pinch.y);
    zoomAt(now.x, now.y, now.width / pinch.width);
    pinch = now;
  } else if (lasso) {
    lasso.push([x, y]);
    requestDraw();
  } else if (travelled > STILL) panBy(x - before[0], y - before[1]);
});
function lift(event) {
  if (!fingers.delete(event.pointerId) || fingers.size) return;
  const corners = lasso;
  lasso = null;
  requestDraw();
  if (event.type === "pointercancel") return;
  if (corners && travelled > STILL) showLasso(corners);
  else if (travelled <= STILL && !pinch) {
    const row = clipAt(...at(event), reachOf(event));
    if (row >= 0) select(row);
  }
  pinch = null;
}
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  // A line of a mouse wheel is about 16 pixels; a pinch on a touchpad comes with Ctrl and small steps.
  const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1) * (event.ctrlKey ? 5 : 1);
  zoomAt(...at(event), Math.exp(-Math.min(Math.max(pixels, -300), 300) / 500));
}, { passive: false });

function hover(row) {
  if (row === hovered) return;
  hovered = row;
  canvas.style.cursor = row >= 0 ? "pointer" : "grab";
  requestDraw();
}

// Rows whose clips lie within a polygon of pixels, by the crossings of a ray.
function within(corners) {
  return every.filter((row) => {
    const [x, y] = [screenX(row), screenY(row)];
    let isInside = false;
    corners.forEach(([ax, ay], i) => {
      const [bx, by] = corners[(i + 1) % corners.length];
      if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) isInside = !isInside;
    });
    return isInside;
  });
}
function showLasso(corners) {
  const rows = within(corners);
  pressed(element("lasso"), false);
  show([{ heading: "", rows, first: 20 }], rows.length ? `${counted(rows.length, "clip")} in the lasso` : "No clip in the lasso");
}
