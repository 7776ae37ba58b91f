// Points as pixels: each is a copy of one of a few small pictures, blended in plain arithmetic. Ten thousand take some
// milliseconds on one core and no GPU, several times less than as many drawImage.
const OPACITY = [0.16, 1, 1]; // of faded, plain and found points
let [pictures, buffer] = [null, null];

function outline(target, shape, r) {
  target.beginPath();
  if (shape === "square") target.rect(-0.88 * r, -0.88 * r, 1.76 * r, 1.76 * r);
  else if (shape === "triangle") {
    target.moveTo(0, -1.2 * r);
    target.lineTo(1.1 * r, 0.8 * r);
    target.lineTo(-1.1 * r, 0.8 * r);
    target.closePath();
  } else target.arc(0, 0, r, 0, 2 * Math.PI);
}

// The pictures of all looks for one radius, made anew for another size or other colours only.
function picturesOf(r) {
  const wide = Math.round(r * 4) / 4;
  if (pictures?.r === wide && pictures.ratio === box.ratio) return pictures;
  const side = Math.ceil((2.6 * wide + 2) * box.ratio);
  const sheet = Object.assign(document.createElement("canvas"), { width: side, height: side * looks.length });
  const target = sheet.getContext("2d", { willReadFrequently: true });
  looks.forEach(({ colour, shape }, i) => {
    target.setTransform(box.ratio, 0, 0, box.ratio, side / 2, (i + 0.5) * side);
    outline(target, shape, wide);
    target.strokeStyle = shape === "ring" ? shown(colour) : inks.page;
    target.lineWidth = shape === "ring" ? 1.5 : 0.8;
    target.fillStyle = shown(colour);
    if (shape !== "ring") target.fill();
    target.stroke();
  });
  const pixels = target.getImageData(0, 0, side, side * looks.length).data;
  const blended = OPACITY.map((opacity) => looks.map((_, i) => picture(pixels, side, i, opacity)));
  pictures = { r: wide, ratio: box.ratio, side, blended };
  return pictures;
}

// What `over` adds to a pixel: colour times opacity, red and blue in one number, and what is left of what lies there.
function picture(pixels, side, which, opacity) {
  const found = { x: [], y: [], redBlue: [], green: [], left: [] };
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = 4 * ((which * side + y) * side + x);
      const alpha = Math.round(pixels[at + 3] * opacity * 256 / 255);
      if (!alpha) continue;
      found.x.push(x);
      found.y.push(y);
      found.redBlue.push(Math.imul(pixels[at] | (pixels[at + 2] << 16), alpha));
      found.green.push(pixels[at + 1] * alpha);
      found.left.push(256 - alpha);
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, Int32Array.from(values)]));
}

// The pixels of the map and a border of a picture's size, so that no point must be cut.
function bufferOf(side) {
  const [width, height] = [canvas.width + 2 * side, canvas.height + 2 * side];
  if (buffer?.image.width !== width || buffer.image.height !== height) {
    const image = new ImageData(width, height);
    buffer = { image, pixels: new Uint32Array(image.data.buffer) };
  }
  return buffer;
}

function drawPoints(r) {
  const { side, blended } = picturesOf(r);
  const { image, pixels } = bufferOf(side);
  const [red, green, blue] = channels(inks.page);
  pixels.fill((0xff000000 | (blue << 16) | (green << 8) | red) >>> 0);
  const width = image.width;
  const scale = view.scale * box.ratio;
  const [x0, y0] = [canvas.width / 2 - view.x * scale + side / 2, canvas.height / 2 + view.y * scale + side / 2];
  stacks.forEach((rows, layer) => {
    // Where a picture's pixels lie in the buffer, counted from its corner.
    const stamps = blended[layer].map((stamp) => ({ ...stamp, offset: stamp.y.map((y, i) => y * width + stamp.x[i]) }));
    for (const row of rows) {
      const x = Math.round(x0 + places[2 * row] * scale);
      const y = Math.round(y0 - places[2 * row + 1] * scale);
      if (x < 0 || y < 0 || x >= width - side || y >= image.height - side) continue;
      blend(pixels, y * width + x, stamps[lookOfRow[row]]);
    }
  });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.putImageData(image, -side, -side);
}

function blend(pixels, start, { offset, redBlue, green, left }) {
  for (let i = 0; i < offset.length; i++) {
    const at = start + offset[i];
    const below = pixels[at];
    const both = ((redBlue[i] + Math.imul(below & 0xff00ff, left[i])) >>> 8) & 0xff00ff;
    const middle = ((green[i] + Math.imul((below >>> 8) & 0xff, left[i])) >>> 8) & 0xff;
    pixels[at] = (0xff000000 | both | (middle << 8)) >>> 0;
  }
}
