// A measure against any coordinate of the runs: a line for each language, or the mean over all of them.

const coordinateWords = (name) => (name === "label" ? "mixture" : name.replaceAll("_", " "));

function offerCoordinates() {
  const runs = DATA.runs.filter((_, place) => shownRuns[place]);
  offer(
    "x",
    asOptions(coordinatesOf(runs)).map((option) => ({ ...option, label: coordinateWords(option.value) })),
    "n_languages",
  );
}

// A line joins values of one language that have a place of their own each; several at one place stay points.
function joinPoints(points) {
  const places = new Map();
  const crowded = new Set();
  for (const { series, x } of points) {
    const taken = places.get(series) ?? new Set();
    if (taken.has(x)) crowded.add(series);
    places.set(series, taken.add(x));
  }
  for (const point of points) point.joined = !crowded.has(point.series);
}

// Ends of both axes, with room for the intervals.
function axisEnds(points) {
  const ends = (values) => bounds(values.map((shown) => ({ shown })));
  const [yLow, yHigh] = ends(points.flatMap((point) => [point.low, point.high]));
  if (!points.every((point) => typeof point.x === "number")) return { yLow, yHigh };
  const [xLow, xHigh] = ends(points.map((point) => point.x));
  return { xLow, xHigh, yLow, yHigh };
}

VIEWS.against = {
  title: "Against a coordinate",
  controls: ["x", "lines", "colour"],
  prepare: offerCoordinates,
  async draw() {
    const rows = selectRows(state.lines === "mean" ? "mean" : "");
    const labels = runLabels([...new Set(rows.map((row) => DATA.scores.run[row]))]);
    const points = rows
      .map((row) => {
        const run = DATA.runs[DATA.scores.run[row]];
        const point = pointOf(row, labels);
        const error = shownValue(state.measure, DATA.scores.stderr[row]);
        const half = error === null || state.lines !== "mean" ? 0 : 1.96 * error;
        const x = state.x === "label" ? point.column : coordinate(run, state.x);
        const series = [point.code, run.base, run.method === "base" ? "" : run.method, run.seed].join("|");
        return { ...point, x, series, low: point.shown - half, high: point.shown + half };
      })
      .filter((point) => point.x !== null && point.x !== "" && point.value !== null);
    DATA.shownLanguages = sortLanguages(points);
    if (!points.length) return clearChart("Nothing was measured for this choice.");
    joinPoints(points);
    const numeric = points.every((point) => typeof point.x === "number");
    const fitted = fitLabels(
      points.map((point) => String(point.x)),
      COLUMN_SIGNS,
    );
    for (const point of points) point.at = fitted.get(String(point.x));
    const order = new Map(inOrder(labels.keys()).map((place, number) => [place, number]));
    points.sort((a, b) => order.get(a.place) - order.get(b.place));
    await draw(
      numeric ? "against-numbers" : "against-words",
      { rows: points },
      {
        ...axisEnds(points),
        width: Math.max(220, room() - 90),
        height: 380,
        heading: heading(state.study),
        valueTitle: measureTitle(state.measure),
        xTitle: coordinateWords(state.x),
        step: points.every((point) => Number.isInteger(point.x)) ? 1 : 1e-9,
      },
      openPoint,
    );
    showTable([[state.x, (point) => point.x], ...POINT_COLUMNS], points, openPoint);
  },
  legend: () => (state.lines === "mean" ? [] : pointLegend()),
};
