// What is chosen. It stands in the address, so that a link or a bookmark shows the same again.

const DEFAULTS = {
  view: "grid",
  made: "",
  study: "",
  base: "",
  method: "",
  seed: "",
  family: "",
  evaluation: "",
  measure: "",
  sort: "family",
  colour: "family",
  x: "n_languages",
  lines: "language",
  show: "value",
  pairs: "",
  similarity: "",
  run: "",
  a: "",
  b: "",
  off: "",
  q: "",
  language: "",
  theme: "",
};
const state = { ...DEFAULTS };
const ALL = "all";

const isOption = (name) => (value) =>
  [...document.getElementById(`choose-${name}`).options].some((option) => option.value === value);
const isColumn = (name) => (value) => value === ALL || DATA.runs.some((run) => String(run[name]) === value);
const isRun = (value) => Object.hasOwn(DATA.places, value);

// What an address may say: it is written by anybody, and what is not known here counts as not said. Choices that
// depend on one another are narrowed after this, where they are offered.
const KNOWN = {
  view: (value) => Object.hasOwn(VIEWS, value),
  made: (value) => DATA.scores.made.names.includes(value),
  study: (value) => DATA.runs.some((run) => studyOf(run) === value),
  base: isColumn("base"),
  method: isColumn("method"),
  seed: isColumn("seed"),
  family: (value) => value === ALL || DATA.runs.some((run) => run.families.some((entry) => entry.family === value)),
  evaluation: (value) => DATA.scores.evaluation.names.includes(value.split("@")[0]),
  measure: (value) => Object.hasOwn(DATA.measures, value),
  sort: isOption("sort"),
  colour: isOption("colour"),
  x: (value) => coordinatesOf(DATA.runs).includes(value),
  lines: isOption("lines"),
  show: isOption("show"),
  pairs: (value) => Object.hasOwn(PAIRS, value),
  similarity: (value) => Object.hasOwn(DATA.similarities.matrices, value),
  run: isRun,
  a: isRun,
  b: isRun,
  off: (value) => value.split(".").every((code) => Object.hasOwn(DATA.language, code)),
  q: () => true,
  language: (value) => value === ALL || Object.hasOwn(DATA.language, value),
  theme: (value) => ["light", "dark"].includes(value),
};

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [key, known] of Object.entries(KNOWN)) {
    const value = given.get(key);
    state[key] = value !== null && known(value) ? value : DEFAULTS[key];
  }
}

function writeState(asNewPage = false) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) if (value !== DEFAULTS[key]) given.set(key, value);
  const hash = `#${given}`;
  if (hash === location.hash || (hash === "#" && !location.hash)) return;
  history[asNewPage ? "pushState" : "replaceState"](null, "", hash);
}

const switchedOff = () => new Set(state.off ? state.off.split(".") : []);

function switchLanguages(codes, on) {
  const off = switchedOff();
  for (const code of codes) on ? off.delete(code) : off.add(code);
  state.off = [...off].sort().join(".");
}
