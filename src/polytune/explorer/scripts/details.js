// What stands below a chart: its rows as a table, and the run behind a point with the command that makes it again.

const PAGE_OF_ROWS = 40;
let table = { columns: [], rows: [], open: null };

// `columns`: [title, of(row)]; `open(row)` answers a press on a row.
function showTable(columns, rows, open) {
  table = { columns, rows, open, shown: PAGE_OF_ROWS };
  fillTable();
}

function fillTable() {
  const { columns, rows, open, shown } = table;
  document.getElementById("count").textContent = `${rows.length.toLocaleString("en")} rows`;
  const head = document.createElement("tr");
  for (const [title] of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const lines = rows.slice(0, shown).map((row) => {
    const line = document.createElement("tr");
    columns.forEach(([, of], number) => {
      const cell = document.createElement("td");
      const text = of(row);
      if (number === 0 && open) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "link";
        button.textContent = text;
        button.addEventListener("click", () => open(row));
        cell.append(button);
      } else cell.textContent = text ?? "";
      if (String(text).length > 80) cell.className = "long";
      line.append(cell);
    });
    return line;
  });
  document.getElementById("head").replaceChildren(head);
  document.getElementById("body").replaceChildren(...lines);
  document.getElementById("more").hidden = rows.length <= shown;
}

function downloadRows() {
  const quote = (value) =>
    /[",\n]/.test(String(value ?? "")) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? "");
  const lines = [
    table.columns.map(([title]) => title),
    ...table.rows.map((row) => table.columns.map(([, of]) => of(row))),
  ];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([lines.map((line) => line.map(quote).join(",")).join("\n") + "\n"], { type: "text/csv" }),
  );
  link.download = `${state.made}-${state.view}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

const POINT_COLUMNS = [
  ["language", (point) => point.line],
  ["family", (point) => DATA.language[point.code]?.family],
  ["script", (point) => DATA.language[point.code]?.script],
  ["exposure", (point) => EXPOSURES[point.exposure] ?? point.exposure],
  ["run", (point) => point.run],
  ["value", (point) => point.value],
  ["standard error", (point) => DATA.scores.stderr[point.row]],
  ["items", (point) => DATA.scores.items[point.row]],
];

const showPoints = (points) => showTable(POINT_COLUMNS, points, openPoint);

function openPoint(point) {
  openRun(point.place, point);
}

function openRun(place, point = null) {
  state.run = DATA.runs[place].run;
  writeState();
  showRun(place, point);
  const panel = document.getElementById("run");
  panel.querySelector("h2").focus();
  panel.scrollIntoView({ block: "nearest" });
}

function pathOfPoint(run, row) {
  const { scores } = DATA;
  const [, judge, protocol] = scores.measure.of(row).split("|");
  const folder = `${DATA.results}/runs/${run.run}`;
  const name = scores.evaluation.of(row);
  if (judge && protocol === "language") return `${folder}/identified/${judge}/${name}.json`;
  if (judge && !scores.measure.of(row).split("|")[3]) return `${folder}/verdicts/${judge}/${protocol}/${name}.json`;
  if (judge) return `${DATA.results}/scores/${studyOf(run)}/scores.parquet`;
  if (scores.measure.of(row).startsWith("answer_") || scores.measure.of(row) === "truncated")
    return `${folder}/responses/${name}.json`;
  if (scores.origin.of(row) === "imported") return `${DATA.results}/imports/${run.study}/${run.imported}.parquet`;
  return `${folder}/evaluations/${scores.origin.of(row)}/${name}.json`;
}

function showRun(place, point) {
  const run = DATA.runs[place];
  const made = run.made;
  const facts = [
    [
      "where it is from",
      run.world
        ? `generated world ${run.world}: tells nothing of real languages`
        : run.imported
          ? `measured elsewhere (import ${run.imported})`
          : "real model",
    ],
    ["study", studyOf(run)],
    ["base", run.base],
    ["method", run.method],
    ["mixture", run.mixture],
    ["seed", run.seed],
    [
      "tuned on",
      run.languages.length ? `${run.languages.length} languages: ${run.languages.map(nameOf).join(", ")}` : "nothing",
    ],
    [
      "families",
      run.families
        .map((entry) =>
          Object.entries(entry)
            .map(([name, value]) => `${name} ${value}`)
            .join(", "),
        )
        .join("; "),
    ],
    ["tokens", run.tokens?.toLocaleString("en")],
    ["device hours", run.device_hours],
    ["commit", made.commit],
    ["digest of the spec", made.spec_digest],
    ["digest of the mixture", made.mixture_digest],
    ["SHA-256 of the weights", made.weights],
    ["notes", run.notes.join("; ")],
  ];
  const commands = [];
  if (point?.row !== undefined) {
    facts.unshift(["value", `${point.words}: ${point.line}, ${measureTitle(state.measure)}`], ["exactly", point.value]);
    facts.push(["digest of the result", DATA.scores.digest.names[DATA.scores.digest.at[point.row]]]);
    commands.push(pathOfPoint(run, point.row));
  }
  if (made.spec)
    commands.push(
      `${DATA.results}/runs/${run.run}/model/manifest.json`,
      `${DATA.results}/mixtures/${run.mixture}.json`,
    );
  const list = document.getElementById("facts");
  list.replaceChildren(
    ...facts
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .flatMap(([name, value]) => {
        const [term, said] = [document.createElement("dt"), document.createElement("dd")];
        [term.textContent, said.textContent] = [name, value];
        return [term, said];
      }),
  );
  document.getElementById("run-name").textContent = run.run;
  const { again } = DATA.studies.find((one) => one.study === run.study && one.scale === run.scale);
  document.getElementById("commands").textContent = commands
    .map((path) => `${again} ${path}`)
    .join("\n");
  document.getElementById("spec").textContent = made.spec
    ? JSON.stringify(made.spec, null, 2)
    : "no model of ours lies with the results";
  document.getElementById("run").hidden = false;
}
