// Drawing: charts were compiled from Vega-Lite when the page was built; here they get data, sizes and a theme.

const CHARTS = JSON.parse(document.getElementById("charts").textContent);
let drawn = null; // the chart on the page: { name, dark, view }

const isDark = () => (state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);

function chartTheme() {
  const style = getComputedStyle(document.documentElement);
  const [ink, faint] = ["--ink", "--faint"].map((name) => style.getPropertyValue(name).trim());
  const text = { labelColor: ink, titleColor: ink, labelFontSize: 11, titleFontSize: 12 };
  return {
    font: "system-ui, sans-serif",
    axis: { ...text, gridColor: faint, gridOpacity: 0.45, domainColor: faint, tickColor: faint },
    legend: text,
    title: { color: ink },
  };
}

// Show `sets` (name of a data set: its rows) in the chart `name`; `signals` are headings, titles, ends of scales, sizes.
async function draw(name, sets, signals, onClick) {
  const place = document.getElementById("chart");
  const dark = isDark();
  if (drawn?.name !== name || drawn.dark !== dark) {
    drawn?.view.finalize();
    place.replaceChildren();
    const options = { mode: "vega", renderer: "canvas", actions: false, defaultStyle: false, config: chartTheme() };
    const made = await vegaEmbed(place, filled(CHARTS[name], sets, signals), options);
    drawn = { name, dark, view: made.view };
    made.view.addEventListener("click", (_, item) => item?.datum && drawn.onClick?.(item.datum));
  } else {
    const { view } = drawn;
    const { width, height, ...others } = signals;
    for (const [set, rows] of Object.entries(sets)) view.data(set, rows);
    for (const [signal, value] of Object.entries(others)) view.signal(signal, value);
    await view.width(width).height(height).runAsync();
  }
  drawn.onClick = onClick;
  const canvas = place.querySelector("canvas");
  canvas?.setAttribute("aria-hidden", "true"); // the table below the chart says the same in words
}

// A chart with its first data, so that it is not laid out twice.
function filled(chart, sets, { width, height, ...signals }) {
  const data = chart.data.map((set) => (set.name in sets ? { ...set, values: sets[set.name] } : set));
  const given = chart.signals.map((one) => (one.name in signals ? { ...one, value: signals[one.name] } : one));
  return { ...chart, width, height, data, signals: given };
}

function forgetChart() {
  drawn?.view.finalize();
  drawn = null;
}

function clearChart(message) {
  forgetChart();
  const said = document.createElement("p");
  said.textContent = message;
  document.getElementById("chart").replaceChildren(said);
}

// Every chart says in its own heading where its numbers come from, since a picture of it may travel alone.
function originWords() {
  if (state.made === "real") return "Real models and data";
  const worlds = [...new Set(DATA.runs.filter((_, place) => shownRuns[place]).map((run) => run.world))].filter(Boolean);
  return `GENERATED WORLD ${worlds.join(", ")}`;
}

const heading = (text) => [originWords(), text];

// Room for a chart: on a telephone it is as wide as the screen, and scrolls if its labels need more.
const room = () => document.getElementById("chart").clientWidth || 600;

function bounds(rows) {
  let [low, high] = [Infinity, -Infinity];
  for (const { shown } of rows) {
    if (shown === null) continue;
    low = Math.min(low, shown);
    high = Math.max(high, shown);
  }
  return low > high ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high];
}

// A row of the scores as the charts take it.
function pointOf(row, labels) {
  const { scores, runs } = DATA;
  const place = scores.run[row];
  const code = scores.language.of(row);
  const value = scores.value[row];
  const exposure = scores.exposure.of(row);
  const look = lookOf(state.colour, state.colour === "exposure" ? exposure : DATA.language[code]?.[state.colour]);
  return {
    row,
    place,
    code,
    value,
    exposure,
    line: code ? nameOf(code) : "mean over languages",
    column: labels?.get(place),
    run: runs[place].run,
    shown: shownValue(state.measure, value),
    words: words(state.measure, value),
    note: scores.missing[row] ? `${scores.missing[row]} items without a value` : `${scores.items[row]} items`,
    said: look.label,
    colour: code ? look.colour : COLOURS[0],
    shape: code ? lookOf("script", DATA.language[code]?.script).shape : "circle",
  };
}

const SORTS = {
  family: (one) => [one.family, one.branch, one.name],
  script: (one) => [one.script, one.family, one.name],
  name: (one) => [one.name],
};

// Codes of languages in the chosen order; by exposure and value it is the largest mixture's that counts.
function sortLanguages(points) {
  const last = new Map();
  for (const point of points) {
    const known = last.get(point.code);
    if (!known || DATA.runs[point.place].n_languages >= DATA.runs[known.place].n_languages) last.set(point.code, point);
  }
  const order = Object.keys(EXPOSURES);
  const key = (code) => {
    if (state.sort === "exposure")
      return [String(order.indexOf(last.get(code).exposure)), ...SORTS.family(DATA.language[code])];
    return SORTS[state.sort](DATA.language[code]);
  };
  const codes = [...last.keys()].filter((code) => code in DATA.language);
  if (state.sort === "value")
    return codes.sort((a, b) => (last.get(b).value ?? -Infinity) - (last.get(a).value ?? -Infinity));
  const keys = new Map(codes.map((code) => [code, key(code).join("\u0000")]));
  return codes.sort((a, b) => (keys.get(a) < keys.get(b) ? -1 : 1));
}

// `fields`: family, script or exposure with what tells its values apart, a colour or a shape.
function showLegend(fields) {
  const groups = fields.map(([field, by]) => {
    const codes = DATA.shownLanguages.map((code) => DATA.language[code]?.[field]);
    const there = new Set(field === "exposure" ? Object.keys(EXPOSURES) : codes);
    const known = legendOf(field).filter((entry) => there.has(entry.name));
    const common = known.filter((entry) => entry.colour !== REST);
    const rare = known.filter((entry) => entry.colour === REST);
    const others = rare.length
      ? [{ ...rare[0], label: rare.length > 1 ? `others: ${rare.map((one) => one.label).join(", ")}` : rare[0].label }]
      : [];
    const entries = [...common, ...others];
    const list = document.createElement("ul");
    list.setAttribute("aria-label", field);
    list.append(
      ...entries.map((entry) => {
        const item = document.createElement("li");
        const mark = document.createElement("span");
        mark.className = `mark ${by === "shape" ? entry.shape : "square"}`;
        mark.style.setProperty("--mark", by === "shape" ? "var(--ink)" : entry.colour);
        item.append(mark, entry.label);
        return item;
      }),
    );
    return entries.length ? list : "";
  });
  document.getElementById("legend").replaceChildren(...groups);
}

// Of points: their colour says what is chosen, their shape the script.
const pointLegend = () =>
  state.colour === "script"
    ? [
        ["script", "shape"],
        ["script", "colour"],
      ]
    : [
        [state.colour, "colour"],
        ["script", "shape"],
      ];
