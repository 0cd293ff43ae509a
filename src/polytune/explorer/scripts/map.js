// The languages where they are spoken, by the value of one run.

function offerMapRun() {
  const places = inOrder([...new Set(selectRows().map((row) => DATA.scores.run[row]))]);
  const labels = runLabels(places);
  offer(
    "run",
    places.map((place) => ({ value: DATA.runs[place].run, label: labels.get(place) })),
    DATA.runs[places.at(-1)]?.run,
  );
}

VIEWS.map = {
  title: "Map",
  controls: ["run", "colour"],
  prepare: offerMapRun,
  async draw() {
    const rows = selectRows().filter((row) => DATA.runs[DATA.scores.run[row]].run === state.run);
    const points = rows
      .map((row) => ({ ...pointOf(row), ...DATA.language[DATA.scores.language.of(row)] }))
      .filter((point) => point.latitude !== undefined);
    DATA.shownLanguages = sortLanguages(points);
    if (!points.length) return clearChart("Nothing was measured for this choice.");
    const [low, high] = bounds(points);
    const width = Math.max(260, Math.min(1100, room() - 20));
    await draw(
      "map",
      { outlines: DATA.outlines, rows: points },
      {
        low,
        high,
        width,
        height: width * 0.49,
        heading: heading(state.run.split("/").at(-2)),
        valueTitle: measureTitle(state.measure),
        land: getComputedStyle(document.documentElement).getPropertyValue("--land").trim(),
      },
      (point) => point.row !== undefined && openPoint(point),
    );
    showPoints(points);
  },
  legend: pointLegend,
};
