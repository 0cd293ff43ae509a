// The page: its controls, and what happens when one of them is used.

const CHOICES = [
  "study",
  "base",
  "method",
  "seed",
  "family",
  "evaluation",
  "measure",
  "show",
  "sort",
  "colour",
  "x",
  "lines",
  "run",
  "pairs",
  "similarity",
  "a",
  "b",
  "language",
];
const OWN = ["show", "sort", "colour", "x", "lines", "run", "pairs", "similarity", "a", "b", "language", "q"];
const BANNERS = {
  world:
    "Generated world: artificial languages, tiny models. These numbers show that the pipeline works; they say nothing about real languages or models.",
  real: "Real models and real data.",
};

// One drawing after the other: a chart that is not finished must not be written into by the next.
let drawing = Promise.resolve();
const render = (asNewPage = false) => (drawing = drawing.then(() => renderNow(asNewPage)));

async function renderNow(asNewPage) {
  const started = performance.now();
  document.documentElement.dataset.theme = state.theme;
  const view = VIEWS[state.view];
  offerChoices();
  offerLanguages();
  for (const name of OWN) {
    const label = document.getElementById(`choose-${name}`).closest("label");
    label.classList.toggle("absent", !view.controls.includes(name));
  }
  view.prepare?.();
  for (const name of ["show", "sort", "colour", "lines"]) document.getElementById(`choose-${name}`).value = state[name];
  const search = document.getElementById("choose-q");
  if (document.activeElement !== search) search.value = state.q;
  for (const button of document.querySelectorAll("#views button")) {
    if (button.value === state.view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  const banner = document.getElementById("banner");
  banner.textContent = BANNERS[state.made];
  document.documentElement.dataset.made = state.made;
  document.getElementById("view-title").textContent = view.title;
  document.getElementById("below").hidden = false;
  showTable([], [], null);
  await view.draw();
  showLegend(view.legend());
  const run = DATA.places[state.run];
  if (run === undefined || !runsMade(state.made).size) document.getElementById("run").hidden = true;
  else if (document.getElementById("run").hidden === false || state.view !== "map") showRun(run, null);
  writeState(asNewPage);
  document.documentElement.dataset.ready = "yes";
  performance.measure("render", { start: started });
}

// Languages of the chosen study, to be switched on and off, family by family.
function offerLanguages() {
  const { scores } = DATA;
  const codes = new Set();
  for (let row = 0; row < scores.length; row++) if (fitting(row)) codes.add(scores.language.of(row));
  const present = DATA.languages.filter((language) => codes.has(language.code));
  const place = document.getElementById("languages");
  const signature = present.map((language) => language.code).join();
  if (place.dataset.signature !== signature) {
    place.dataset.signature = signature;
    const families = Map.groupBy ? Map.groupBy(present, (one) => one.family) : groupBy(present, "family");
    place.replaceChildren(...[...families].map(([family, members]) => familyBox(family, members)));
  }
  const off = switchedOff();
  for (const box of place.querySelectorAll("input[data-code]")) box.checked = !off.has(box.dataset.code);
  const on = present.filter((language) => !off.has(language.code)).length;
  document.getElementById("languages-on").textContent = `Languages: ${on} of ${present.length}`;
}

function groupBy(entries, field) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry[field], [...(groups.get(entry[field]) ?? []), entry]);
  return groups;
}

function familyBox(family, members) {
  const group = document.createElement("fieldset");
  const legend = document.createElement("legend");
  const all = document.createElement("button");
  [all.type, all.className, all.textContent] = ["button", "link", family];
  all.title = "switch the whole family on or off";
  all.addEventListener("click", () => {
    const off = switchedOff();
    const codes = members.map((member) => member.code);
    switchLanguages(
      codes,
      codes.every((code) => off.has(code)),
    );
    render();
  });
  legend.append(all);
  const boxes = members.map((member) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    [box.type, box.dataset.code] = ["checkbox", member.code];
    box.addEventListener("change", () => {
      switchLanguages([member.code], box.checked);
      render();
    });
    label.append(box, ` ${member.name}`);
    return label;
  });
  group.append(legend, ...boxes);
  return group;
}

function listen() {
  for (const name of CHOICES)
    document.getElementById(`choose-${name}`).addEventListener("change", (event) => {
      state[name] = event.target.value;
      render();
    });
  for (const radio of document.querySelectorAll("[name=made]"))
    radio.addEventListener("change", () => {
      Object.assign(state, { made: radio.value, study: "", run: "" });
      render(true);
    });
  let waiting;
  document.getElementById("choose-q").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.q = event.target.value;
      render();
    }, 120);
  });
  for (const button of document.querySelectorAll("#views button"))
    button.addEventListener("click", () => {
      state.view = button.value;
      render(true);
    });
  document.getElementById("all-on").addEventListener("click", () => {
    state.off = "";
    render();
  });
  document.getElementById("all-off").addEventListener("click", () => {
    switchLanguages(
      DATA.languages.map((language) => language.code),
      false,
    );
    render();
  });
  document.getElementById("theme").addEventListener("click", () => {
    state.theme = isDark() ? "light" : "dark";
    render();
  });
  document.getElementById("more").addEventListener("click", () => {
    table.shown += 10 * PAGE_OF_ROWS;
    fillTable();
  });
  document.getElementById("download").addEventListener("click", downloadRows);
  document
    .getElementById("copy")
    .addEventListener("click", () => navigator.clipboard?.writeText(document.getElementById("commands").textContent));
  document.getElementById("close").addEventListener("click", () => {
    state.run = "";
    document.getElementById("run").hidden = true;
    writeState();
  });
  addEventListener("popstate", () => {
    readState();
    render();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => render());
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => render(), 150);
  });
}

async function start() {
  if (!("DecompressionStream" in window))
    throw new Error("this browser cannot unpack the data (DecompressionStream): use one of 2023 or later");
  await load();
  readState();
  listen();
  await render();
  const { provenance } = DATA;
  document.getElementById("made-by").textContent =
    `Polytune ${provenance.polytune}, commit ${provenance.commit}; drawn with ${provenance.library}.`;
}

start().catch((error) => {
  document.getElementById("banner").textContent = `The page cannot be shown: ${error.message}`;
  throw error;
});
