// What the page holds. Text from files reaches the page as textContent, an attribute or canvas text: never as markup.
const element = (name) => document.getElementById(name);

function bytes(text) {
  const characters = atob(text);
  const found = new Uint8Array(characters.length);
  for (let i = 0; i < found.length; i++) found[i] = characters.charCodeAt(i);
  return found;
}
const floats = (text) => new Float32Array(bytes(text).buffer);

// Characters of seven bits each; 128 more is in those that a file can't hold as they are.
function sevenths(text) {
  const found = new Uint8Array(Math.floor((text.length * 7) / 8));
  let [held, bits, at] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    held = ((held << 7) | (text.charCodeAt(i) & 127)) & 0xffff;
    bits += 7;
    if (bits >= 8) {
      bits -= 8;
      found[at++] = held >> bits;
    }
  }
  return found;
}

// Compressed JSON in a data block.
async function unpack(name) {
  const block = element(name);
  const stream = new Blob([sevenths(block.textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
  block.remove();
  return JSON.parse(await new Response(stream).text());
}

if (typeof DecompressionStream === "undefined") {
  element("status").textContent =
    "This browser is too old for this page: Chrome 89, Firefox 113 or Safari 16.4 is the least.";
}
const data = await unpack("data");
const total = data.ids.length;
const places = floats(data.places);
const heard = new Set(data.heard);
// Of equal recordings the first is listed.
const copyOf = new Map(data.copies);
const firstOf = (row) => copyOf.get(row) ?? row;
const rowOf = new Map(data.ids.map((id, row) => [id, row]));
// Opened when the map is drawn: they are most of the page.
let lyrics = null;
const nameOf = (row) => (data.artists[row] ? `${data.titles[row]} – ${data.artists[row]}` : data.titles[row]);
const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

// Buttons and options are made in one way, and their text is set as text.
function made(tag, text, properties = {}) {
  const node = Object.assign(document.createElement(tag), properties);
  node.textContent = text;
  if (tag === "button") node.type = "button";
  return node;
}
function pressed(button, isPressed) {
  button.setAttribute("aria-pressed", String(isPressed));
}
