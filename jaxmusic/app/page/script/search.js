// Search by letters: titles, artists, albums and lyrics that hold the words.
// As jaxmusic.text.fold: accents, cases and apostrophes make no difference; the vowel signs of Bangla do.
const LETTERS = { ø: "o", æ: "ae", œ: "oe", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i", ħ: "h", ς: "σ", ß: "ss" };
function fold(text) {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]/gu, "");
  return plain.toLowerCase().replace(/[øæœłđðþıħςß]/gu, (letter) => LETTERS[letter]).normalize("NFC");
}
// The words of a text as jaxmusic.text.words has them.
function words(text) {
  const plain = text.normalize("NFC").replace(/[\u2019\u02bc\uff07\u2018]/gu, "'").toLowerCase();
  const spaced = plain.replace(/\u200b/gu, " ").replace(/\p{Cf}/gu, "").replace(/[^\p{L}\p{M}\p{N}']/gu, " ");
  return spaced.split(" ").map((word) => word.replace(/^'+|'+$/gu, "")).filter(Boolean);
}
const foldedWords = (text) => words(fold(text)).map((word) => word.replace(/'/gu, ""));
const spaced = (text) => ` ${foldedWords(text).join(" ")} `;

const [NOT, INSIDE, BEGINNING, WHOLE] = [0, 1, 2, 3];
const SHORTEST_INSIDE = 3;
function level(text, word) {
  if (text.includes(` ${word} `)) return WHOLE;
  if (text.includes(` ${word}`)) return BEGINNING;
  // Scripts without spaces have words inside what looks like one.
  const isLong = word.length >= SHORTEST_INSIDE || /[^\p{Script=Latin}\p{N}]/u.test(word);
  return isLong && text.includes(word) ? INSIDE : NOT;
}

// Made at the first search; a map of ten thousand is open before that.
let folded = null;
function openFolded() {
  folded ??= {
    titles: data.titles.map(spaced),
    names: every.map((row) => spaced(`${data.titles[row]} ${data.artists[row]} ${data.albums[row]}`)),
    lyrics: lyrics.map(spaced),
    vocabulary: null,
  };
  return folded;
}
const occurrences = (text, word) => text.split(word).length - 1;

// Clips with all of the words: by name, and by lyrics, the best first.
function literal(query) {
  const { titles, names, lyrics: texts } = openFolded();
  const phrase = ` ${query.join(" ")} `;
  const [byName, byLyrics] = [[], []];
  for (const row of every) {
    const inNames = query.map((word) => level(names[row], word));
    const worst = Math.min(...inNames);
    if (worst > NOT) {
      const bonus = (titles[row] === phrase ? 4 : 0) + (titles[row].includes(phrase) ? 2 : 0) + (names[row].includes(phrase) ? 1 : 0);
      byName.push({ row, worst, score: bonus });
    }
    const inLyrics = query.map((word, i) => Math.max(level(texts[row], word), inNames[i]));
    const isThere = query.some((word) => texts[row].includes(word));
    if (isThere && Math.min(...inLyrics) > NOT) {
      const times = query.reduce((sum, word) => sum + occurrences(texts[row], ` ${word}`), 0);
      byLyrics.push({ row, worst: Math.min(...inLyrics), score: (texts[row].includes(phrase) ? 1000 : 0) + times });
    }
  }
  return { names: ordered(byName), lyrics: ordered(byLyrics) };
}
function ordered(found) {
  const best = found.reduce((most, { worst }) => Math.max(most, worst), NOT);
  // "art" inside "heart" is of use only where nothing begins with it.
  const sorted = found.filter(({ worst }) => worst > INSIDE || best === INSIDE)
    .sort((a, b) => b.worst - a.worst || b.score - a.score || a.row - b.row);
  return [...new Set(sorted.map(({ row }) => firstOf(row)))];
}

// Clips with some of the words, in names or lyrics: the rarer the words, the earlier.
function inPart(query) {
  const { names, lyrics: texts } = openFolded();
  const held = query.map((word) => every.filter((row) => [names, texts].some((all) => all[row].includes(` ${word} `))));
  const weight = new Map();
  for (const rows of held) {
    const rarity = Math.log1p(total / (1 + rows.length));
    for (const row of new Set(rows.map(firstOf))) weight.set(row, (weight.get(row) || 0) + rarity);
  }
  return [...weight].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([row]) => row);
}

// Optimal string alignment: edits of one letter, and two neighbours that changed places; more than `most` is Infinity.
function edits(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return Infinity;
  let [before, last] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const line = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      line[j] = Math.min(last[j] + 1, line[j - 1] + 1, last[j - 1] + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) line[j] = Math.min(line[j], before[j - 2] + 1);
    }
    if (Math.min(...line) > most) return Infinity;
    [before, last] = [last, line];
  }
  return last[b.length] <= most ? last[b.length] : Infinity;
}
// The most frequent of the nearest words here; null where none is near.
function nearestWord(word) {
  const most = word.length >= 8 ? 2 : word.length >= 4 ? 1 : 0;
  if (!most) return null;
  if (!folded.vocabulary) {
    folded.vocabulary = new Map();
    for (const text of [...folded.names, ...folded.lyrics]) {
      for (const other of new Set(text.split(" "))) folded.vocabulary.set(other, (folded.vocabulary.get(other) || 0) + 1);
    }
  }
  let [best, least, count] = [null, most + 1, 0];
  for (const [other, times] of folded.vocabulary) {
    const distance = edits(word, other, most);
    if (distance < least || (distance === least && times > count)) [best, least, count] = [other, distance, times];
  }
  return best;
}
// Words that nothing here has → the nearest that something has; null where there are none to change.
function corrected(query) {
  const { names, lyrics: texts } = openFolded();
  const isKnown = (word) => every.some((row) => level(names[row], word) || level(texts[row], word));
  const changed = query.map((word) => (isKnown(word) ? word : nearestWord(word)));
  return changed.includes(null) || changed.every((word, i) => word === query[i]) ? null : changed;
}

// The line of a clip's lyrics that holds the most of the words.
function lineOf(row, query) {
  const has = (line) => query.filter((word) => level(spaced(line), word) > NOT).length;
  let [best, most] = ["", 0];
  for (const line of lyrics[row].split("\n")) {
    const found = has(line);
    if (found > most) [best, most] = [line, found];
  }
  if (best.length <= 120) return best.trim();
  const parts = best.split(/\s+/u);
  const at = parts.findIndex((part) => has(part));
  return `… ${parts.slice(Math.max(0, at - 6), at + 8).join(" ")} …`;
}

const SHOWN = { names: 5, lyrics: 10, partly: 5, sound: 20 };
async function search(text) {
  const query = foldedWords(text);
  if (!query.length) return show([], "Type some words.");
  await lyricsOpened;
  let found = literal(query);
  let used = query;
  let said = "";
  if (!found.names.length && !found.lyrics.length) {
    const other = corrected(query);
    if (other) {
      found = literal(other);
      used = other;
      said = `Nothing here has “${text}”. This is for “${other.join(" ")}”. `;
    }
  }
  // What is seen at first is not listed twice; so one of the first ten has the word in its lyrics, where any has.
  const above = new Set(found.names.slice(0, SHOWN.names));
  const byLyrics = found.lyrics.filter((row) => !above.has(row));
  const sections = [
    { heading: "Title, artist, album", rows: found.names, first: SHOWN.names },
    { heading: "Lyrics", rows: byLyrics, first: SHOWN.lyrics, line: (row) => lineOf(row, used) },
  ];
  const whole = new Set([...found.names, ...found.lyrics]);
  const partly = used.length > 1 ? inPart(used).filter((row) => !whole.has(row)) : [];
  sections.push({ heading: "Some of the words", rows: partly, first: SHOWN.partly, line: (row) => lineOf(row, used) });
  const sounds = bySound(said ? used.join(" ") : text).slice(0, SHOWN.sound);
  const held = whole.size;
  if (sounds.length) {
    sections.push({ heading: "Sounds like these words", rows: sounds.map(([row]) => row), first: SHOWN.sound, note: cosineOf(sounds) });
  }
  const instead = partly.length ? "" : sounds.length ? ", but some clips sound like it" : ": try other words";
  said ||= held ? "" : `Nothing here has ${partly.length ? "all of " : ""}“${text}”${instead}. `;
  show(sections, `${said}${held ? `${counted(held, "clip")} with “${used === query ? text : used.join(" ")}”` : ""}`);
  return undefined;
}
