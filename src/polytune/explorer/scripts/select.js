// Which rows of the scores are shown, and the controls that say so.

const RUN_FILTERS = ["base", "method", "seed", "family"];
let shownRuns = [];

const studyOf = (run) => `${run.study}/${run.scale}`;
const keyOf = (row) => `${DATA.scores.evaluation.of(row)}@${DATA.scores.origin.of(row)}`;

function runHas(run, filter) {
  if (filter === "family") return run.families.map((entry) => entry.family);
  return [String(run[filter])];
}

// An untuned base belongs to every family and method: it is what the others are compared with.
function passes(run, filter) {
  const wanted = state[filter];
  if (wanted === ALL || (run.method === "base" && filter !== "base")) return true;
  return runHas(run, filter).includes(wanted);
}

function fitting(row) {
  return DATA.scores.made.of(row) === state.made && shownRuns[DATA.scores.run[row]];
}

// Fill a choice with what there is under the choices before it; keep the old value if it is still among them.
function offer(name, options, preferred) {
  const control = document.getElementById(`choose-${name}`);
  const values = options.map((option) => option.value);
  if (!values.includes(state[name])) state[name] = preferred ?? values[0] ?? "";
  const signature = JSON.stringify(options);
  if (control.dataset.signature !== signature) {
    control.replaceChildren(...options.map(({ value, label }) => new Option(label, value)));
    control.dataset.signature = signature;
  }
  control.value = state[name];
  control.closest("label").hidden = options.length < 2 && name !== "study" && name !== "measure";
}

const asOptions = (values) => values.map((value) => ({ value, label: value || "(none)" }));

function offerChoices() {
  const { scores, runs } = DATA;
  const origins = [...new Set(scores.made.names)];
  if (!origins.includes(state.made))
    state.made = origins.includes("real") && !origins.includes("world") ? "real" : origins[0];
  for (const radio of document.querySelectorAll("[name=made]")) {
    radio.checked = radio.value === state.made;
    radio.disabled = !origins.includes(radio.value);
  }
  const present = runsMade(state.made);
  const studies = [...new Set(runs.filter((_, place) => present.has(place)).map(studyOf))];
  offer("study", asOptions(studies));
  shownRuns = runs.map((run, place) => present.has(place) && studyOf(run) === state.study);
  for (const filter of RUN_FILTERS) {
    const left = runs.filter((run, place) => shownRuns[place]);
    const values = [
      ...new Set(left.flatMap((run) => (run.method === "base" && filter !== "base" ? [] : runHas(run, filter)))),
    ];
    const options = [
      { value: ALL, label: "all" },
      ...asOptions(values.filter((value) => value !== "" || values.length === 1)),
    ];
    const one = options.length === 2;
    offer(filter, one ? options.slice(0, 1) : options, filter === "base" && !one ? commonest(left, "base") : ALL);
    shownRuns = shownRuns.map((shown, place) => shown && passes(runs[place], filter));
  }
  const evaluations = new Map();
  for (let row = 0; row < scores.length; row++) {
    if (!fitting(row)) continue;
    const key = keyOf(row);
    if (!evaluations.has(key)) evaluations.set(key, new Set());
    evaluations.get(key).add(scores.measure.of(row));
  }
  offer(
    "evaluation",
    asOptions([...evaluations.keys()]).map((option) => ({ ...option, label: option.value.replace("@", ", data: ") })),
  );
  const measures = [...(evaluations.get(state.evaluation) ?? [])];
  const preferred = ["acc", "rating"].flatMap((name) => measures.filter((key) => key.split("|")[0] === name))[0];
  offer(
    "measure",
    measures.map((value) => ({ value, label: DATA.measures[value].label })),
    preferred,
  );
}

function runsMade(made) {
  DATA.made ??= {};
  if (!DATA.made[made]) {
    const found = new Set();
    for (let row = 0; row < DATA.scores.length; row++)
      if (DATA.scores.made.of(row) === made) found.add(DATA.scores.run[row]);
    DATA.made[made] = found;
  }
  return DATA.made[made];
}

function commonest(runs, field) {
  const counts = new Map();
  for (const run of runs) counts.set(run[field], (counts.get(run[field]) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

// The rows of the scores that the charts show: one language each, or (aggregate = "mean") the mean over all of them.
function selectRows(aggregate = "") {
  const { scores } = DATA;
  const [evaluation, origin] = state.evaluation.split("@");
  const wanted = [
    [scores.evaluation, evaluation],
    [scores.origin, origin],
    [scores.measure, state.measure],
    [scores.aggregate, aggregate],
    [scores.made, state.made],
  ].map(([column, value]) => [column.at, column.names.indexOf(value)]);
  const off = switchedOff();
  const languageOn = scores.language.names.map((code) => !off.has(code));
  const rows = [];
  for (let row = 0; row < scores.length; row++) {
    if (!shownRuns[scores.run[row]] || !languageOn[scores.language.at[row]]) continue;
    if (wanted.every(([at, value]) => at[row] === value)) rows.push(row);
  }
  return rows;
}

// A coordinate of a run: of the chosen family where it has several.
function coordinate(run, name) {
  if (name in run) return run[name];
  const families = run.families.filter((entry) => state.family === ALL || entry.family === state.family);
  return families.map((entry) => entry[name]).find((value) => value !== undefined) ?? null;
}

function coordinatesOf(runs) {
  const named = [
    "n_languages",
    "tokens",
    "supervised_tokens",
    "parameters",
    "device_hours",
    "seed",
    "base",
    "method",
    "label",
  ];
  const own = runs.flatMap((run) => run.families.flatMap((entry) => Object.keys(entry)));
  return [...new Set([...own.filter((name) => name !== "family"), ...named, "world", "variant"])].filter((name) => {
    const values = new Set(runs.map((run) => coordinate(run, name)).filter((value) => value !== null && value !== ""));
    return values.size > 1;
  });
}

// Words that tell runs apart in a chart: what all have in common is left out, the whole name is in the tooltip.
function runLabels(places) {
  const runs = places.map((place) => DATA.runs[place]);
  const differs = (field) => new Set(runs.map((run) => run[field])).size > 1;
  const parts = runs.map((run) => [
    run.method === "base" ? "untuned" : run.label,
    differs("base") ? run.base : "",
    run.method !== "base" && new Set(runs.map((one) => one.method).filter((method) => method !== "base")).size > 1
      ? run.method
      : "",
    new Set(runs.filter((one) => one.method !== "base").map((one) => one.seed)).size > 1 ? `seed ${run.seed}` : "",
  ]);
  const tuned = [...new Set(parts.map((part) => part[0]).filter((label) => label !== "untuned"))].map((label) =>
    label.split("-"),
  );
  const shortest = Math.min(...tuned.map((part) => part.length)) - 1;
  const shared = (piece) => {
    let count = tuned.length > 1 ? shortest : 0;
    while (count > 0 && new Set(tuned.map((part) => piece(part, count).join("-"))).size > 1) count--;
    return count;
  };
  const end = shared((part, count) => part.slice(-count));
  const start = Math.max(
    0,
    Math.min(
      shared((part, count) => part.slice(0, count)),
      shortest - end,
    ) - 1,
  );
  const cut = (label) =>
    label === "untuned"
      ? label
      : label
          .split("-")
          .slice(start, label.split("-").length - end)
          .join("-");
  const taken = new Map(); // two runs never share a column
  return new Map(
    places.map((place, number) => {
      const [label, ...rest] = parts[number];
      const words = [cut(label), ...rest].filter(Boolean).join(" · ");
      taken.set(words, (taken.get(words) ?? 0) + 1);
      return [place, taken.get(words) > 1 ? `${words} (${taken.get(words)})` : words];
    }),
  );
}

// Each of `labels` by itself, cut in the middle if it is longer than `most` signs; where cuts would make two the same, at
// another place or less.
function fitLabels(labels, most) {
  const all = [...new Set(labels)];
  const longest = Math.max(0, ...all.map((label) => label.length));
  for (let signs = most; signs < longest; signs++)
    for (const share of [0.5, 0.65, 0.35, 0.8, 0.2]) {
      const head = Math.round((signs - 1) * share);
      const cut = all.map((label) =>
        label.length <= signs ? label : `${label.slice(0, head)}…${label.slice(label.length - (signs - 1 - head))}`,
      );
      if (new Set(cut).size === all.length) return new Map(all.map((label, number) => [label, cut[number]]));
    }
  return new Map(all.map((label) => [label, label]));
}

// Runs in the order of growing mixtures, the untuned base first.
function inOrder(places) {
  return [...places].sort((a, b) => {
    const [one, other] = [DATA.runs[a], DATA.runs[b]];
    return one.base.localeCompare(other.base) || one.n_languages - other.n_languages || a - b;
  });
}
