// Answers and verdicts of two runs side by side, with a search over questions, answers and what judges said.

const CARDS = 20;
let cardsShown = CARDS;

function offerTexts() {
  offerRunPair();
  const { scores } = DATA;
  const codes = sortCodes([...new Set(selectRows().map((row) => scores.language.of(row)))]);
  offer(
    "language",
    [{ value: ALL, label: "all" }, ...codes.map((code) => ({ value: code, label: nameOf(code) }))],
    codes[0],
  );
}

const word = (column, row) => column.names[column.at[row]];

// Index of a table of texts by question: rows under `run|responses|language|item|turn`.
function textIndex(texts) {
  if (texts.index) return texts.index;
  const index = { answers: new Map(), verdicts: new Map(), questions: new Map() };
  const add = (map, key, row) => (map.has(key) ? map.get(key).push(row) : map.set(key, [row]));
  const { answers, verdicts, questions } = texts;
  const question = (table, row) =>
    [word(table.responses, row), word(table.language, row), word(table.item, row), table.turn[row]].join("|");
  answers.run.forEach((run, row) => add(index.answers, `${run}|${question(answers, row)}`, row));
  verdicts.run.forEach((run, row) => {
    add(index.verdicts, `${run}|${question(verdicts, row)}`, row);
    if (verdicts.opponent[row] >= 0) add(index.verdicts, `${verdicts.opponent[row]}|${question(verdicts, row)}`, row);
  });
  questions.turn.forEach((_, row) =>
    add(index.questions, `${word(questions.made, row)}|${word(questions.world, row)}|${question(questions, row)}`, row),
  );
  texts.index = index;
  return index;
}

const OUTCOMES = { 1: "preferred", 0.5: "tie", 0: "the other is preferred" };
const OTHER_SEAT = { first: "second", second: "first" };

// What a judge said of the answer of run `place`, alone or beside that of `other`. Verdicts on two answers lie with one of
// the two runs and are from its view.
function verdictWords(verdicts, row, place, other) {
  const [holder, opponent] = [verdicts.run[row], verdicts.opponent[row]];
  const beside = opponent >= 0;
  if (beside && ![holder, opponent].every((one) => one === place || one === other)) return null;
  const holds = holder === place;
  const value = verdicts.value[row];
  let said = word(verdicts.status, row);
  if (value !== null) said = beside ? OUTCOMES[holds ? value : 1 - value] : `rated ${value}`;
  const seat = word(verdicts.order, row);
  const seated = seat ? `, ${holds ? seat : OTHER_SEAT[seat]} seat` : "";
  return `${said} (${word(verdicts.judge, row)}, ${word(verdicts.protocol, row)}${seated}): ${word(verdicts.text, row)}`;
}

function cardsOf(texts, places) {
  if (!texts.answers) return [];
  const { answers, verdicts, questions } = texts;
  const index = textIndex(texts);
  const responses = state.evaluation.split("@")[0];
  const off = switchedOff();
  const world = DATA.runs[places[0]].world;
  const cards = new Map();
  answers.run.forEach((run, row) => {
    if (!places.includes(run) || word(answers.responses, row) !== responses || word(answers.made, row) !== state.made)
      return;
    const code = word(answers.language, row);
    if (off.has(code) || (state.language !== ALL && state.language !== code)) return;
    const key = [responses, code, word(answers.item, row), answers.turn[row]].join("|");
    if (!cards.has(key)) {
      const asked = index.questions.get(`${state.made}|${world}|${key}`)?.[0];
      cards.set(key, {
        key,
        code,
        item: word(answers.item, row),
        turn: answers.turn[row],
        question: asked === undefined ? "" : word(questions.text, asked),
        sides: [],
      });
    }
    const rows = index.verdicts.get(`${run}|${key}`) ?? [];
    const other = places.find((place) => place !== run) ?? run;
    const said = rows.map((one) => verdictWords(verdicts, one, run, other)).filter(Boolean);
    cards.get(key).sides.push({ run, text: word(answers.text, row), said });
  });
  return [...cards.values()];
}

// `#12` is an item by its name; other words must all stand somewhere in question, answers or verdicts.
function matches(card, wanted) {
  const text = [card.question, ...card.sides.flatMap((side) => [side.text, ...side.said])]
    .join("\n")
    .toLocaleLowerCase();
  return wanted.every((part) => (part.startsWith("#") ? card.item === part.slice(1) : text.includes(part)));
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

VIEWS.texts = {
  title: "Answers and verdicts",
  controls: ["a", "b", "language", "q"],
  prepare: offerTexts,
  async draw() {
    const texts = await need("texts");
    const places = [...new Set([state.a, state.b].map((name) => DATA.places[name]))];
    const wanted = state.q.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const cards = cardsOf(texts, places).filter((card) => matches(card, wanted));
    DATA.shownLanguages = [];
    if (!cards.length) {
      clearChart(
        texts.answers?.run.length
          ? "No answers of these runs match. Evaluations that are multiple choice have no texts."
          : "This page holds no answers.",
      );
      return showTable([], [], null);
    }
    forgetChart();
    const list = cards.slice(0, cardsShown).map((card) => {
      const box = element("article", "", "card");
      box.append(
        element("h3", `${nameOf(card.code)} · question ${card.item}${card.turn > 1 ? `, turn ${card.turn}` : ""}`),
        element("p", card.question, "question"),
      );
      const sides = element("div", "", "sides");
      for (const side of card.sides.sort((x, y) => places.indexOf(x.run) - places.indexOf(y.run))) {
        const part = element("section", "");
        part.append(
          element("h4", DATA.runs[side.run].run),
          element("p", side.text.trim() ? side.text : side.text ? "(nothing but spaces)" : "(no answer)", "answer"),
        );
        for (const line of side.said) part.append(element("p", line, "verdict"));
        sides.append(part);
      }
      for (const part of box.querySelectorAll(".question, .answer"))
        Object.assign(part, { lang: card.code, dir: "auto" });
      box.append(sides);
      return box;
    });
    const count = element(
      "p",
      `${originWords()} · ${cards.length.toLocaleString("en")} questions and turns; the first ${list.length} are shown`,
      "count",
    );
    document.getElementById("chart").replaceChildren(count, ...list);
    showTable(
      [
        ["language", (card) => nameOf(card.code)],
        ["question", (card) => card.item],
        ["turn", (card) => card.turn],
        ...places.map((place, number) => [
          `answer of the ${["first", "second"][number]} run`,
          (card) => card.sides.find((side) => side.run === place)?.text,
        ]),
      ],
      cards,
      null,
    );
  },
  legend: () => [],
};
