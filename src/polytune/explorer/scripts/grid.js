// Languages x mixtures.

const VIEWS = {};

// What stands beside the rows of a heatmap: family and script of each language, in their colours.
function strips(codes) {
  return ["family", "script"].flatMap((field) => codes.map((code) => {
    const look = lookOf(field, DATA.language[code][field]);
    return { column: ` ${field}`, line: nameOf(code), colour: look.colour, said: look.label };
  }));
}

const STRIPS = [["family", "colour"], ["script", "colour"]];
const CELL = 16;

VIEWS.grid = {
  title: "Languages × mixtures",
  controls: ["sort"],
  async draw() {
    const rows = selectRows();
    const labels = runLabels([...new Set(rows.map((row) => DATA.scores.run[row]))]);
    const points = rows.map((row) => pointOf(row, labels));
    const codes = sortLanguages(points);
    const columns = inOrder(labels.keys());
    const places = new Map(codes.map((code, place) => [code, place]));
    const runs = new Map(columns.map((place, number) => [place, number]));
    points.sort((a, b) => places.get(a.code) - places.get(b.code) || runs.get(a.place) - runs.get(b.place));
    DATA.shownLanguages = codes;
    if (!points.length) return clearChart("Nothing was measured for this choice.");
    const [low, high] = bounds(points);
    const strip = strips(codes);
    const wide = (columns.length + 2) * Math.max(5, Math.min(26, (room() - 170) / (columns.length + 2)));
    await draw("grid", { strip, rows: points }, {
      low, high, width: wide, height: codes.length * CELL,
      heading: heading(state.study), valueTitle: measureTitle(state.measure), xTitle: "mixture", yTitle: "",
    }, (point) => point.row !== undefined && openPoint(point));
    showPoints(points);
  },
  legend: () => STRIPS,
};
