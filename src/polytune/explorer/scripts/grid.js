// Languages x mixtures.

const VIEWS = {};

// What stands beside the rows of a heatmap: family and script of each language, in their colours.
function strips(codes) {
  return ["family", "script"].flatMap((field) =>
    codes.map((code) => {
      const look = lookOf(field, DATA.language[code][field]);
      return { column: ` ${field}`, line: nameOf(code), colour: look.colour, said: look.label };
    }),
  );
}

const STRIPS = [
  ["family", "colour"],
  ["script", "colour"],
];
const CELL = 16;
const [ROW_SIGNS, COLUMN_SIGNS] = [24, 32];

// A heatmap's cells with the words of both axes (`down`, `across`), short enough for the chart; tooltip and table have
// the whole ones.
function withLabels(strip, rows) {
  const [down, across] = [
    fitLabels(
      rows.map((cell) => cell.line),
      ROW_SIGNS,
    ),
    fitLabels(
      rows.map((cell) => cell.column),
      COLUMN_SIGNS,
    ),
  ];
  const place = (cell) => ({
    ...cell,
    down: down.get(cell.line) ?? cell.line,
    across: across.get(cell.column) ?? cell.column,
  });
  return { strip: strip.map(place), rows: rows.map(place) };
}

// Each value less that of the untuned base of its run in the same language; runs whose base was not measured are left out.
function differences(points) {
  const untuned = new Map();
  const key = (point) => `${DATA.runs[point.place].base}|${point.code}`;
  for (const point of points) if (DATA.runs[point.place].method === "base") untuned.set(key(point), point.value);
  return points
    .filter(
      (point) =>
        DATA.runs[point.place].method !== "base" && point.value !== null && (untuned.get(key(point)) ?? null) !== null,
    )
    .map((point) => {
      const difference = Number((point.value - untuned.get(key(point))).toPrecision(6));
      const sign = difference > 0 ? "+" : "";
      return {
        ...point,
        difference,
        shown: shownValue(state.measure, difference),
        words: `${sign}${words(state.measure, difference)} (${point.words})`,
      };
    });
}

// Values from viridis; differences from a scale of two colours around nothing, which colour-blind readers tell apart.
function colouring(points) {
  const [low, high] = bounds(points);
  if (state.show !== "difference") return { low, high, scheme: "viridis" };
  const most = Math.max(Math.abs(low), Math.abs(high));
  return { low: -most, high: most, scheme: "purpleorange" };
}

const shownTitle = () =>
  state.show === "difference"
    ? `difference to the untuned base: ${measureTitle(state.measure)}`
    : measureTitle(state.measure);

VIEWS.grid = {
  title: "Languages × mixtures",
  controls: ["show", "sort"],
  async draw() {
    const rows = selectRows();
    const labels = runLabels([...new Set(rows.map((row) => DATA.scores.run[row]))]);
    const values = rows.map((row) => pointOf(row, labels));
    const points = state.show === "difference" ? differences(values) : values;
    const codes = sortLanguages(points);
    const columns = inOrder(labels.keys());
    const places = new Map(codes.map((code, place) => [code, place]));
    const runs = new Map(columns.map((place, number) => [place, number]));
    points.sort((a, b) => places.get(a.code) - places.get(b.code) || runs.get(a.place) - runs.get(b.place));
    DATA.shownLanguages = codes;
    if (!points.length) return clearChart("Nothing was measured for this choice.");
    const { low, high, scheme } = colouring(points);
    const strip = strips(codes);
    const wide = (columns.length + 2) * Math.max(5, Math.min(26, (room() - 170) / (columns.length + 2)));
    await draw(
      "grid",
      withLabels(strip, points),
      {
        low,
        high,
        scheme,
        width: wide,
        height: codes.length * CELL,
        heading: heading(state.study),
        valueTitle: shownTitle(),
        xTitle: "mixture",
        yTitle: "",
      },
      (point) => point.row !== undefined && openPoint(point),
    );
    if (state.show === "difference")
      showTable(
        [
          ...POINT_COLUMNS.slice(0, 5),
          ["difference to the untuned base", (point) => point.difference],
          ...POINT_COLUMNS.slice(5),
        ],
        points,
        openPoint,
      );
    else showPoints(points);
  },
  legend: () => STRIPS,
};
