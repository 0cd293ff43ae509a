// The data of the page: unpacked when they are needed, and what words and colours stand for.

const DATA = {};

async function unpack(id) {
  const text = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// Items and texts are read when their view is first opened: most of the page's bytes are theirs.
async function need(part) {
  DATA[part] ??= await unpack(part);
  return DATA[part];
}

async function load() {
  Object.assign(DATA, await unpack("core"));
  DATA.language = Object.fromEntries(DATA.languages.map((entry, place) => [entry.code, { ...entry, order: place }]));
  DATA.places = {};
  DATA.runs.forEach((run, place) => {
    DATA.places[run.run] ??= place;
  });
  const { scores } = DATA;
  scores.length = scores.run.length;
  for (const name of ["evaluation", "origin", "language", "measure", "aggregate", "exposure", "made"])
    scores[name].of = (row) => scores[name].names[scores[name].at[row]];
}

const nameOf = (code) => DATA.language[code]?.name ?? code;

// Okabe & Ito (2008): told apart by colour-blind readers too. What is rarer than the first seven is grey.
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#9467bd"];
const REST = "#7a7a7a";
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right"];
const OTHER_SHAPE = "triangle-left";
const EXPOSURES = {
  both: "in corpus and tuning",
  base: "in the corpus only",
  tuning: "in tuning only",
  neither: "in neither",
};

function ranked(field) {
  const counts = new Map();
  for (const language of DATA.languages) counts.set(language[field], (counts.get(language[field]) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
}

// What each family (script, exposure) looks like; made once, so that a colour means the same in every view.
function legendOf(field) {
  DATA.legends ??= {};
  DATA.legends[field] ??= (field === "exposure" ? Object.keys(EXPOSURES) : ranked(field)).map((name, place) => ({
    name,
    label: field === "exposure" ? EXPOSURES[name] : name,
    colour: COLOURS[place] ?? REST,
    shape: SHAPES[place] ?? OTHER_SHAPE,
  }));
  return DATA.legends[field];
}

function lookOf(field, value) {
  return (
    legendOf(field).find((entry) => entry.name === value) ?? {
      label: value || "unknown",
      colour: REST,
      shape: OTHER_SHAPE,
    }
  );
}

// A value as people read it: percent where the measure is one; the exact number stands in the data and in the CSV.
function shownValue(key, value) {
  const info = DATA.measures[key];
  return value === null ? null : info?.percent ? value * 100 : value;
}

function words(key, value) {
  const info = DATA.measures[key];
  if (value === null) return "no value";
  const shown = shownValue(key, value).toFixed(info?.digits ?? 3);
  return info?.unit === "%" ? `${shown} %` : info?.unit ? `${shown} ${info.unit}` : shown;
}

function measureTitle(key) {
  const info = DATA.measures[key];
  if (!info) return key;
  const unit = [info.unit, info.higher ? "" : "lower is better"].filter(Boolean).join("; ");
  return unit ? `${info.label} (${unit})` : info.label;
}
