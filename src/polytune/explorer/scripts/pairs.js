// Two by two: languages by similarity, by what was tuned on, by mixtures of two; runs by what they answer differently.

const PAIRS = {
  transfer: "tuned on × asked in (mixtures of one language)",
  together: "mixtures of two languages: mean over languages",
  runs: "runs × runs: items answered differently",
  similarity: "similarity of languages",
};

function offerPairs() {
  const several = (size, aggregate) => {
    const measured = [...new Set(selectRows(aggregate).map((row) => DATA.scores.run[row]))];
    return measured.filter((place) => DATA.runs[place].n_languages === size).length > 1;
  };
  const there = {
    transfer: several(1, ""),
    together: several(2, "mean"),
    runs: true,
    similarity: DATA.similarities.languages.length > 0,
  };
  const options = Object.entries(PAIRS)
    .filter(([value]) => there[value])
    .map(([value, label]) => ({ value, label }));
  offer("pairs", options);
  const similarities = Object.keys(DATA.similarities.matrices).sort(
    (a, b) => a.includes("precomputed") - b.includes("precomputed"),
  );
  offer("similarity", state.pairs === "similarity" ? asOptions(similarities) : []);
}

function languageCells(pairs, words) {
  const codes = sortCodes([...new Set(pairs.flatMap((pair) => [pair.one, pair.other]))]);
  const rows = new Set(pairs.map((pair) => pair.one));
  DATA.shownLanguages = codes.filter((code) => rows.has(code)); // the strips stand beside rows, and name no other
  const places = new Map(codes.map((code, place) => [code, place]));
  pairs.sort((a, b) => places.get(a.one) - places.get(b.one) || places.get(a.other) - places.get(b.other));
  return pairs.map((pair) => ({
    line: nameOf(pair.one),
    column: nameOf(pair.other),
    words: words(pair.value),
    note: "",
    ...pair,
  }));
}

// In the chosen order as far as it does not need values.
function sortCodes(codes) {
  const key = (code) => (SORTS[state.sort] ?? SORTS.family)(DATA.language[code]).join("\u0000");
  return codes.filter((code) => code in DATA.language).sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function similarityCells() {
  const { languages, matrices } = DATA.similarities;
  const off = switchedOff();
  const matrix = matrices[state.similarity];
  const pairs = languages.flatMap((one, i) =>
    languages.map((other, j) => ({ one, other, value: matrix[i][j], shown: matrix[i][j] })),
  );
  const on = pairs.filter((pair) => pair.value !== null && !off.has(pair.one) && !off.has(pair.other));
  return {
    cells: languageCells(on, (value) => value.toFixed(3)),
    title: `similarity, ${state.similarity}`,
    open: null,
  };
}

// A cell of several runs (methods, seeds, worlds) holds their mean and says so; a click opens the first of them.
function meanOf(pairs) {
  const cells = new Map();
  for (const pair of pairs) {
    const key = `${pair.one}|${pair.other}`;
    cells.set(key, [...(cells.get(key) ?? []), pair]);
  }
  return [...cells.values()].map((same) => {
    const value = Number((same.reduce((sum, pair) => sum + pair.value, 0) / same.length).toPrecision(6));
    const shown = { value, shown: shownValue(state.measure, value), words: words(state.measure, value) };
    return same.length === 1 ? same[0] : { ...same[0], ...shown, note: `mean of ${same.length} runs` };
  });
}

function scoreCells(rows, pairsOf) {
  const pairs = rows.flatMap((row) => {
    const place = DATA.scores.run[row];
    const value = DATA.scores.value[row];
    const cells = pairsOf(DATA.runs[place], DATA.scores.language.of(row));
    return value === null
      ? []
      : cells.map(([one, other]) => ({ ...pointOf(row), one, other, value, shown: shownValue(state.measure, value) }));
  });
  const cells = languageCells(meanOf(pairs), (value) => words(state.measure, value)).map((cell) => ({
    ...cell,
    line: nameOf(cell.one),
    column: nameOf(cell.other),
  }));
  return { cells, title: measureTitle(state.measure), open: openPoint };
}

// The signs of a run, language by language, of the chosen evaluation and measure.
function signsOf(set, place) {
  if (!set.signs) {
    set.signs = new Map();
    set.run.forEach((run, number) => {
      if (!set.signs.has(run)) set.signs.set(run, new Map());
      set.signs.get(run).set(word(set.language, number), set.answers[number]);
    });
  }
  return set.signs.get(DATA.places[DATA.runs[place].run]) ?? new Map();
}

function currentSet(items) {
  const [evaluation, origin] = state.evaluation.split("@");
  return items.sets.find(
    (set) =>
      set.evaluation === evaluation &&
      set.origin === origin &&
      set.measure === state.measure &&
      set.made === state.made,
  );
}

const ABSENT = "-";

function compareSigns(one, other) {
  const counts = { both: 0, different: 0, higher: 0, lower: 0 };
  for (let item = 0; item < one.length; item++) {
    if (one[item] === ABSENT || other[item] === ABSENT) continue;
    counts.both++;
    if (one[item] > other[item]) counts.higher++;
    else if (one[item] < other[item]) counts.lower++;
  }
  counts.different = counts.higher + counts.lower;
  return counts;
}

// How many items two runs answer differently in each language they share: counted once for all languages.
function countsOf(set, a, b) {
  set.counts ??= new Map();
  const key = a < b ? `${a}|${b}` : `${b}|${a}`;
  if (!set.counts.has(key)) {
    const other = signsOf(set, b);
    const shared = [...signsOf(set, a)].filter(([code]) => other.has(code));
    const counted = shared.map(([code, signs]) => [code, compareSigns(signs, other.get(code))]);
    set.counts.set(key, counted);
  }
  return set.counts.get(key);
}

async function runCells() {
  const set = currentSet(await need("items"));
  if (!set) return { cells: [] };
  const places = inOrder(DATA.runs.map((_, place) => place).filter((place) => shownRuns[place]));
  const labels = runLabels(places);
  const off = switchedOff();
  const cells = [];
  for (const a of places)
    for (const b of places) {
      const counts = { both: 0, different: 0 };
      for (const [code, compared] of countsOf(set, a, b)) {
        if (off.has(code)) continue;
        counts.both += compared.both;
        counts.different += compared.different;
      }
      if (!counts.both) continue;
      const share = counts.different / counts.both;
      cells.push({
        a,
        b,
        line: labels.get(a),
        column: labels.get(b),
        shown: 100 * share,
        value: Number(share.toPrecision(6)),
        words: `${(100 * share).toFixed(1)} %`,
        note: `${counts.different} of ${counts.both} items`,
      });
    }
  DATA.shownLanguages = [];
  return { cells, title: "items answered differently (%)", open: (cell) => openFlips(cell.a, cell.b) };
}

VIEWS.pairs = {
  title: "Pairs",
  controls: ["pairs", "similarity", "sort"],
  prepare: offerPairs,
  async draw() {
    const { cells, title, open } = await {
      similarity: similarityCells,
      transfer: () =>
        scoreCells(
          selectRows().filter((row) => DATA.runs[DATA.scores.run[row]].n_languages === 1),
          (run, code) => [[run.languages[0], code]],
        ),
      together: () =>
        scoreCells(
          selectRows("mean").filter((row) => DATA.runs[DATA.scores.run[row]].n_languages === 2),
          ({ languages: [a, b] }) => [
            [a, b],
            [b, a],
          ],
        ),
      runs: runCells,
    }[state.pairs]();
    if (!cells.length) return clearChart("Nothing was measured, or kept in this page, for this choice.");
    const [low, high] = bounds(cells);
    const lines = new Set(cells.map((cell) => cell.line)).size;
    const columns = new Set(cells.map((cell) => cell.column)).size;
    const strip = state.pairs === "runs" ? [] : strips(DATA.shownLanguages);
    const across = columns + new Set(strip.map((cell) => cell.column)).size;
    const axes = {
      transfer: ["asked in", "tuned on"],
      together: ["", ""],
      runs: ["second run", "first run"],
      similarity: ["", ""],
    }[state.pairs];
    const said =
      state.pairs === "similarity"
        ? "Similarity of real languages (URIEL)"
        : heading(`${state.study}: ${PAIRS[state.pairs]}`);
    await draw(
      "grid",
      withLabels(strip, cells),
      {
        low,
        high,
        scheme: "viridis",
        width: across * Math.max(5, Math.min(24, (room() - 170) / across)),
        height: lines * CELL,
        heading: said,
        valueTitle: title,
        xTitle: axes[0],
        yTitle: axes[1],
      },
      (cell) => cell.words !== undefined && open?.(cell),
    );
    showTable(
      [
        ["row", (cell) => cell.line],
        ["column", (cell) => cell.column],
        ["value", (cell) => cell.value],
        ["", (cell) => cell.note],
      ],
      cells,
      open,
    );
  },
  legend: () => (state.pairs === "runs" ? [] : STRIPS),
};
