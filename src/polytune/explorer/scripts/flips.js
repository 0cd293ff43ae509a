// Flips: which items two runs answer differently, across languages. Items of translated benchmarks are parallel.

const MOST_ITEMS = 150;

function offerRunPair() {
  const places = inOrder(DATA.runs.map((_, place) => place).filter((place) => shownRuns[place]));
  const labels = runLabels(places);
  const options = places.map((place) => ({ value: DATA.runs[place].run, label: labels.get(place) }));
  offer("a", options, options[0]?.value);
  offer("b", options, options.at(-1)?.value);
}

function openFlips(a, b) {
  Object.assign(state, { view: "flips", a: DATA.runs[a].run, b: DATA.runs[b].run });
  render(true);
}

VIEWS.flips = {
  title: "Flips",
  controls: ["a", "b"],
  prepare: offerRunPair,
  async draw() {
    const set = currentSet(await need("items"));
    const [a, b] = [state.a, state.b].map((name) => DATA.places[name]);
    DATA.shownLanguages = [];
    if (!set || a === undefined || b === undefined)
      return clearChart("No items by this measure are in this page: see “What is in this page” at its end.");
    const [first, second] = [signsOf(set, a), signsOf(set, b)];
    const off = switchedOff();
    const codes = sortCodes([...first.keys()].filter((code) => second.has(code) && !off.has(code)));
    DATA.shownLanguages = codes;
    const different = set.items.map(
      (_, item) => codes.filter((code) => isFlip(first.get(code)[item], second.get(code)[item])).length,
    );
    const flipped = set.items
      .map((_, item) => item)
      .filter((item) => different[item])
      .sort((x, y) => different[y] - different[x] || x - y);
    const middle = set.values[Math.floor(set.values.length / 2)]; // of the values there are: 2 of 1 to 3, 1 of 0 and 1
    const more = middle < set.values.at(-1) ? " or more" : "";
    const value = (sign) => set.values[parseInt(sign, 36)];
    const cells = flipped.slice(0, MOST_ITEMS).flatMap((item) =>
      codes
        .filter((code) => first.get(code)[item] !== ABSENT && second.get(code)[item] !== ABSENT)
        .map((code) => {
          const [one, other] = [value(first.get(code)[item]), value(second.get(code)[item])];
          const cell = { code, item, line: set.items[item], column: nameOf(code), first: one, second: other };
          return { ...cell, state: outcome(one, other, middle) };
        }),
    );
    if (!cells.length) return clearChart("The two runs answer every item alike.");
    const shown = Math.min(flipped.length, MOST_ITEMS);
    await draw(
      "flips",
      { rows: cells },
      {
        width: Math.max(120, Math.min(codes.length * 26, room() - 90)),
        height: shown * 12,
        heading: heading(`${shown} of ${flipped.length} items that flip (${set.items.length} in all)`),
        xTitle: "",
        valueTitle: `high: ${middle}${more}`,
      },
      (cell) => cell.item !== undefined && openItem(cell),
    );
    const counts = codes.map((code) => ({ code, ...compareSigns(first.get(code), second.get(code)) }));
    showTable(
      [
        ["language", (row) => nameOf(row.code)],
        ["items of both", (row) => row.both],
        ["answered differently", (row) => row.different],
        ["first run higher", (row) => row.higher],
        ["second run higher", (row) => row.lower],
        ["net, first − second", (row) => row.higher - row.lower],
      ],
      counts,
      null,
    );
  },
  legend: () => [],
};

const isFlip = (one, other) => one !== ABSENT && other !== ABSENT && one !== other;

function outcome(one, other, middle) {
  if (one !== other) return one > other ? "first higher" : "second higher";
  return one >= middle ? "both high" : "both low";
}

// The answers behind a flip, where they were free ones.
function openItem(cell) {
  if (state.measure.split("|")[0] === "acc") return openRun(DATA.places[state.b]);
  Object.assign(state, { view: "texts", language: cell.code, q: `#${cell.line.split(",")[0]}` });
  return render(true);
}
