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

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(DEFAULTS)) state[key] = given.get(key) ?? DEFAULTS[key];
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
